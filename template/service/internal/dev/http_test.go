//go:build http

package dev

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ouroboros-forge/forge/template/service/dev/samples"
	"github.com/ouroboros-forge/forge/template/service/internal/httpapi"
)

// lines is a writer whose lines can be waited for.
type lines struct {
	rest []byte
	out  chan string
}

func (l *lines) Write(text []byte) (int, error) {
	l.rest = append(l.rest, text...)
	for {
		line, rest, ok := bytes.Cut(l.rest, []byte("\n"))
		if !ok {
			return len(text), nil
		}
		l.out <- string(line)
		l.rest = rest
	}
}

// await returns the next line that has each of the parts.
func (l *lines) await(t *testing.T, parts ...string) string {
	t.Helper()
	late := time.After(patience)
	for {
		select {
		case line := <-l.out:
			found := 0
			for _, part := range parts {
				if strings.Contains(line, part) {
					found++
				}
			}
			if found == len(parts) {
				return line
			}
		case <-late:
			t.Fatalf("no line with %q", parts)
		}
	}
}

// The line that is printed for whoever wants to post a message is a command
// that posts one, and then its fate is printed.
func TestTheCurlLineWorks(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("there is no curl")
	}
	ctx, end := context.WithCancel(t.Context())
	out, ended := &lines{out: make(chan string, 1000)}, make(chan error, 1)
	go func() { ended <- run(ctx, load(t), false, newReport(out, false)) }()

	_, command, _ := strings.Cut(out.await(t, "post a message", "curl --json"), "post a message")
	out.await(t, "read on")
	answer, err := exec.CommandContext(t.Context(), "sh", "-c", command+" -sS --fail-with-body").CombinedOutput()
	if err != nil || !strings.Contains(string(answer), `"messageId":"`) {
		t.Fatalf("%s\n%v\n%s", command, err, answer)
	}
	_, id, _ := strings.Cut(string(answer), `"messageId":"`)
	out.await(t, "handled", id[:8])
	end()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

type invoice struct{}

func (invoice) Topic() string       { return "invoices" }
func (invoice) Key() string         { return "" }
func (invoice) MessageType() string { return "InvoiceSent" }

func TestTheCurlLineIsSafeInAShell(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	d := &door{API: new(httpapi.API), listener: listener}
	if got := d.curl(nil); got != "" {
		t.Errorf("without paths it is %q", got)
	}
	cfg, err := settings("127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	d.API = httpapi.New(cfg, nil)
	httpapi.Post(d.API, "/in/voices", httpapi.EndpointFunc[invoice](func(context.Context, httpapi.Request[invoice]) error {
		return errors.New("not called")
	}))
	got := d.curl([]samples.Sample{
		{Topic: "other", Expect: samples.Handled, Value: []byte(`{"body": {"id": 1}}`)},
		{Topic: "invoices", Expect: samples.DeadLetter, Value: []byte(`{"body": {"id": 2}}`)},
		{Topic: "invoices", Expect: samples.Handled, Value: []byte(`{"body": {"id": "it's $HOME"}}`)},
	})
	words, err := exec.CommandContext(t.Context(), "sh", "-c", strings.Replace(got, "curl", `printf '%s\n'`, 1)).Output()
	if err != nil {
		t.Fatalf("%s: %v", got, err)
	}
	want := []string{"--json", `{"id": "it's $HOME"}`, "http://" + listener.Addr().String() + "/in/voices", ""}
	if parts := strings.Split(string(words), "\n"); !reflect.DeepEqual(parts, want) {
		t.Errorf("a shell reads %q, want %q", parts, want)
	}
}
