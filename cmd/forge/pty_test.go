//go:build linux

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestTerminalAnswersAreAskedCheckedAndUsed(t *testing.T) {
	dir := t.TempDir()
	c := onTerminal(t, dir, nil, "new", "shop")
	c.expect("enter takes what is in brackets")
	c.send(enter)
	c.expect("what it consumes")
	c.send("orders.dlq" + enter)
	c.expect(`topics: "orders.dlq" is the name of a dead-letter topic`)
	c.send(strings.Repeat(backspace, 4) + ",payments" + enter + enter + enter + enter + " " + enter + "no" + enter) // typed ahead; no docker, no git
	c.expect("orders,payments")
	c.expect("enter writes it · esc back · ctrl+c quits")
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("written before it was confirmed: %v, %v", left, err)
	}
	c.send(enter)
	c.expect("handlers.go, orders.go, payments.go")
	c.expect("forge: hint: the same without questions: forge new shop --topics orders,payments --without docker --no-input")
	if code := c.ends(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if _, err := os.Stat(filepath.Join(dir, "shop", "handlers", "payments.go")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "shop", "Dockerfile")); err == nil {
		t.Error("docker is there, but was taken away")
	}
}

func TestTerminalAsksForTheNameThatIsMissing(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "taken"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := onTerminal(t, dir, nil, "new", "--module", "a.b/c", "--topics", "t", "--group", "g", "--source", "kafka", "--brokers", "b:1", "--with", "docker", "--git=false")
	c.expect("its name, or the path of its directory")
	c.send("taken" + enter)
	c.expect("taken is in the way")
	c.send(strings.Repeat(backspace, 5) + "shop" + enter)
	c.expect("└── ")
	if code := c.ends(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestTerminalHasAnswersConfirmedWhereNoFormCanBeRead(t *testing.T) {
	for _, test := range []struct {
		answer, want string
		code         int
	}{
		{"no", "forge: error: not confirmed, nothing was written", exitInterrupted},
		{"", "└── ", exitOK},
	} {
		dir := t.TempDir()
		c := onTerminal(t, dir, []string{"TERM=dumb"}, "new", "shop", "--git=false")
		for range 6 {
			c.expect("]: ")
			c.send(enter)
		}
		c.expect("consumer group  shop  (default)")
		c.expect("write it, nothing is written yet, yes or no [yes]: ")
		c.send(test.answer + enter)
		c.expect(test.want)
		if code := c.ends(); code != test.code {
			t.Errorf("%q: exit code %d", test.answer, code)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 != (test.code == exitOK) {
			t.Errorf("%q: %v, %v", test.answer, left, err)
		}
	}
}

// The question for git is asked where it can be answered by yes, and nowhere else.
func TestTerminalOffersGit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip(err)
	}
	inside, noGit := t.TempDir(), t.TempDir()
	if err := os.Mkdir(filepath.Join(inside, ".git"), 0o700); err != nil {
		t.Fatal(err)
	}
	all := []string{"new", "shop", "--module", "a.b/c", "--topics", "t", "--group", "g", "--source", "kafka", "--brokers", "b:1", "--with", "docker"}

	dir := t.TempDir()
	c := onTerminal(t, dir, nil, all...)
	c.expect("make it a repository with a first commit")
	c.send(enter)
	c.expect("enter writes it")
	c.send(enter)
	c.expect(".git        a repository, nothing committed: git has no user.name")
	c.expect("--git --no-input")
	if code := c.ends(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if _, err := os.Stat(filepath.Join(dir, "shop", ".git", "index")); err != nil {
		t.Error(err)
	}

	c = onTerminal(t, inside, nil, all...) // nothing to ask: it is in a repository
	c.expect("└── ")
	c.ends()
	c = onTerminal(t, t.TempDir(), []string{"PATH=" + noGit}, all[:12]...)
	c.expect("ctrl+c quits")
	c.send(enter)
	c.expect("enter writes it")
	c.send(enter)
	c.expect("git is not on the PATH, so this is no git repository")
	c.ends()
}

func TestCtrlCWritesNothingAndExitsWith130(t *testing.T) {
	for _, test := range []struct {
		name string
		env  []string
		args []string
		wait string
	}{
		{"form", nil, []string{"new", "shop"}, "ctrl+c quits"},
		{"form for the name", nil, []string{"new"}, "its name, or the path"},
		{"dumb terminal", []string{"TERM=dumb"}, []string{"new", "shop"}, "[example.com/shop]: "},
		{"accessible", []string{"ACCESSIBLE=1"}, []string{"new", "shop"}, "[example.com/shop]: "},
		{"accessible flag", nil, []string{"new", "shop", "--accessible"}, "[example.com/shop]: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			c := onTerminal(t, dir, test.env, test.args...)
			c.expect(test.wait)
			c.send(ctrlC)
			c.expect("forge: error: interrupted, nothing was written")
			if code := c.ends(); code != 130 {
				t.Errorf("exit code %d", code)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestSignalWhileAskingWritesNothing(t *testing.T) {
	for _, test := range []struct{ term, wait string }{
		{"xterm-256color", "enter takes what is in brackets"},
		{"dumb", "[example.com/shop]: "},
	} {
		dir := t.TempDir()
		c := onTerminal(t, dir, []string{"TERM=" + test.term}, "new", "shop")
		c.expect(test.wait)
		if err := c.cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		c.expect("forge: error: interrupted, nothing was written")
		if code := c.ends(); code != 130 {
			t.Errorf("%s: exit code %d", test.term, code)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s: left behind: %v, %v", test.term, left, err)
		}
	}
}

// A terminal that is asked for its colours and does not answer keeps bubbletea
// waiting for five seconds: see package noquery.
func TestTerminalIsAskedNothingWhereNoFormIsShown(t *testing.T) {
	for _, args := range [][]string{
		{"version"},
		{"new", "shop", "--no-input", "--dry-run"},
		{"new", "shop", "--no-input", "--json"},
	} {
		for _, env := range [][]string{nil, {"TERM"}} {
			c := onTerminal(t, t.TempDir(), env, args...)
			if code := c.ends(); code != 0 {
				t.Errorf("%v %v: exit code %d", env, args, code)
			}
			if bytes.ContainsRune(c.seen, '\x1b') {
				t.Errorf("%v %v: escape sequences for the terminal: %.80q", env, args, c.seen)
			}
		}
	}
}

func TestColoursAreForTerminalsThatWantThem(t *testing.T) {
	for _, test := range []struct {
		env  []string
		want bool
	}{
		{nil, true},
		{[]string{"NO_COLOR=1"}, false},
		{[]string{"TERM=dumb"}, false},
	} {
		c := onTerminal(t, t.TempDir(), test.env, "new", "shop", "--no-input")
		c.ends()
		if got := bytes.Contains(c.seen, []byte("\x1b[1mshop\x1b[0m")); got != test.want {
			t.Errorf("%v: colours %v in %q", test.env, got, c.seen)
		}
	}
}

func TestChangesInColours(t *testing.T) {
	dir := aProject(t, nil)
	for _, test := range []struct {
		env  []string
		want string
	}{
		{nil, "\x1b[32m+ handlers/payments.go\x1b[0m"},
		{[]string{"NO_COLOR=1"}, "├── + handlers/payments.go\r\n"},
	} {
		c := onTerminal(t, dir, test.env, "add", "handler", "payments", "--dry-run")
		c.ends()
		if !bytes.Contains(c.seen, []byte(test.want)) {
			t.Errorf("%v: no %q in %q", test.env, test.want, c.seen)
		}
	}
}

func TestNoFormUnderCI(t *testing.T) {
	c := onTerminal(t, t.TempDir(), []string{"CI=true"}, "new", "shop")
	c.expect("└── ")
	if code := c.ends(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestCtrlCGoesToTheServiceOnce has a stand-in for the go command, and a
// service that counts its interrupts and drains.
func TestCtrlCGoesToTheServiceOnce(t *testing.T) {
	dir, bin := t.TempDir(), t.TempDir()
	script := `#!/bin/sh
case $1 in
env) echo go1.26.0; echo auto ;;
build)
	while [ "$1" != -o ]; do shift; done
	cp "$0.service" "$2"
esac
`
	service := `#!/bin/sh
trap 'echo interrupted; n=x$n' INT
echo "started $*."
while [ -z "$n" ]; do sleep 0.1; done
echo drained $n
exit $SERVICE_EXIT
`
	for name, text := range map[string]string{"go": script, "go.service": service} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct{ exit, want int }{{0, 0}, {3, 1}} {
		env := []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "SERVICE_EXIT=" + string(rune('0'+test.exit))}
		c := onTerminal(t, dir, env, "new", "shop"+string(rune('0'+test.exit)), "--no-input", "--run")
		c.expect("build")
		c.expect("started .") // no -once: somebody is watching
		c.send(ctrlC)
		c.expect("drained x\r\n")
		if code := c.ends(); code != test.want {
			t.Errorf("service ends with %d: exit code %d, want %d", test.exit, code, test.want)
		}
	}
}
