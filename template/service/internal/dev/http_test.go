package dev

import (
	"fmt"
	"net"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/httpapi"
	"github.com/ouroboros-forge/forge/template/service/internal/samples"
)

// An address of the environment is taken, which a port that is not free shows.
func TestTheHTTPAddressOfTheEnvironmentIsTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	t.Setenv("HTTP_ADDR", taken.Addr().String())
	if _, err := runOnce(t, loadSamples(t)); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("HTTP_ADDR=%q", taken.Addr())) {
		t.Errorf("it says %v", err)
	}
}

// The command that is printed posts the body of a sample that is handled, and is
// safe in a shell.
func TestTheCurlLineIsSafeInAShell(t *testing.T) {
	if got := curl("host:1", nil, nil); got != "" {
		t.Errorf("without paths it is %q", got)
	}
	posts := []httpapi.Operation{{Path: "/in/voices", Topic: "invoices"}}
	got := curl("host:1", posts, []samples.Sample{
		{Topic: "other", Expect: "handled", Value: []byte(`{"body": {"id": 1}}`)},
		{Topic: "invoices", Expect: "dead letter", Value: []byte(`{"body": {"id": 2}}`)},
		{Topic: "invoices", Expect: "handled", Value: []byte(`{"body": {"id": "it's $HOME"}}`)},
	})
	words, err := exec.CommandContext(t.Context(), "sh", "-c", strings.Replace(got, "curl", `printf '%s\n'`, 1)).Output()
	if err != nil {
		t.Fatalf("%s: %v", got, err)
	}
	want := []string{"--json", `{"id": "it's $HOME"}`, "http://host:1/in/voices", ""}
	if parts := strings.Split(string(words), "\n"); !reflect.DeepEqual(parts, want) {
		t.Errorf("a shell reads %q, want %q", parts, want)
	}
}
