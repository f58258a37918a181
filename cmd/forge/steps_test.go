package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spf13/cobra"
)

// lineLog is what was written, and when.
type lineLog struct {
	start time.Time
	times []time.Duration
	bytes.Buffer
}

func (l *lineLog) Write(p []byte) (int, error) {
	l.times = append(l.times, time.Since(l.start))
	return l.Buffer.Write(p)
}

func TestStepIsNeverSilentForLong(t *testing.T) {
	for _, test := range []struct {
		live bool
		most time.Duration
	}{{true, 2 * time.Second}, {false, 10 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			out := &lineLog{start: time.Now()}
			err := steps{w: out, live: test.live, width: 80}.do("build", func(report func(string)) error {
				report("one package")
				time.Sleep(45 * time.Second) // of the test's own time
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			last := time.Duration(0)
			for _, at := range out.times {
				if at-last > test.most {
					t.Errorf("live %v: silent from %v to %v", test.live, last, at)
				}
				last = at
			}
			if want := "  build      45.0 s  one package\n"; !strings.HasSuffix(out.String(), want) {
				t.Errorf("live %v: does not end with %q: %q", test.live, want, out.String())
			}
			if strings.Contains(out.String(), "\x1b") != test.live {
				t.Errorf("live %v: %q", test.live, out.String())
			}
		})
	}
}

func TestStepThatFailsLeavesTheWordToItsError(t *testing.T) {
	var out bytes.Buffer
	broken := errors.New("broken")
	err := steps{w: &out, width: 80}.do("build", func(func(string)) error { return broken })
	if !errors.Is(err, broken) || out.Len() > 0 {
		t.Errorf("got %v and %q", err, out.String())
	}
}

func TestGoIsEnough(t *testing.T) {
	for _, test := range []struct {
		have, toolchain string
		want            bool
	}{
		{neededGo, "local", true},
		{neededGo + ".8", "auto", true},
		{neededGo + ".8 X:nodwarf5", "auto", true},
		{"go1.27rc1", "local", true},
		{"devel go1.28-abcdef", "local", true},
		{"go1.25.3", "auto", true}, // fetches the one it needs
		{"go1.25.3", "local", false},
		{"go1.20.14", "auto", false},
	} {
		if err := goIsEnough(test.have, test.toolchain); (err == nil) != test.want {
			t.Errorf("%s, GOTOOLCHAIN=%s: %v", test.have, test.toolchain, err)
		}
	}
}

func TestInterruptedBeforeWritingLeavesNothing(t *testing.T) {
	t.Chdir(t.TempDir())
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var stdout, stderr bytes.Buffer
	if code := run(ctx, []string{"new", "shop", "--no-input"}, strings.NewReader(""), &stdout, &stderr); code != exitInterrupted {
		t.Errorf("exit code %d: %s", code, &stderr)
	}
	if left := entries(t); len(left) > 0 || stdout.Len() > 0 {
		t.Errorf("left behind: %v; said: %q", left, &stdout)
	}
}

func TestShellQuote(t *testing.T) {
	for path, want := range map[string]string{
		"my-service":  "my-service",
		"../a/b_c.d":  "../a/b_c.d",
		"a b":         "'a b'",
		"it's":        `'it'\''s'`,
		"$HOME/x":     "'$HOME/x'",
		"-x":          "-- -x",
		"größe/mine":  "'größe/mine'",
		"a\nb/mine":   "'a\nb/mine'",
		"~/my-ser*ce": "'~/my-ser*ce'",
	} {
		if got := shellQuote(path); got != want {
			t.Errorf("%q: %s, want %s", path, got, want)
		}
	}
}

func entries(t *testing.T) []string {
	t.Helper()
	found, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range found {
		names = append(names, e.Name())
	}
	return names
}

// The command that is shown after questions gives the same answers.
func TestCommandGivesTheSameAnswers(t *testing.T) {
	schema := filepath.Join(t.TempDir(), "order.json")
	if err := os.WriteFile(schema, []byte(`{"id": "1"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"new", "shop"},
		{"new", "shop", "--module", "a.b/c", "--topics", "a,b", "--group", "it's", "--brokers", "x:1,y:2", "--with", "avro,http", "--without", "github"},
		{"new", "shop", "--source", "kafka-share"},
		{"new", "shop", "--without", "docker,github", "--schema", "orders=" + schema},
		{"new", "shop", "--topics", "a,orders", "--schema", "orders=" + schema},
	} {
		given := parsed(t, args)
		again, err := exec.Command("sh", "-c", "for word in "+given.command(false)+"; do printf '%s\\n' \"$word\"; done").Output()
		if err != nil {
			t.Fatal(err)
		}
		words := strings.Split(strings.TrimSpace(string(again)), "\n")
		if got := parsed(t, words[1:]); !reflect.DeepEqual(got, given) {
			t.Errorf("%v\ngave %+v,\n%v\ngives %+v", args, given, words, got)
		}
	}
}

// parsed is what a command line answers.
func parsed(t *testing.T, args []string) result {
	t.Helper()
	var o newOptions
	cmd := &cobra.Command{}
	o.define(cmd)
	cmd.Flags().Bool("no-input", false, "")
	if err := cmd.ParseFlags(args[2:]); err != nil {
		t.Fatal(err)
	}
	o.given = givenFlags(cmd)
	a, _, err := o.answers(args[1])
	if err != nil {
		t.Fatal(err)
	}
	return result{target: target{path: args[1]}, answers: *a}
}
