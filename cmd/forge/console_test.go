//go:build linux

package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// console is forge on a terminal of its own, and somebody in front of it.
type console struct {
	t      *testing.T
	cmd    *exec.Cmd
	pty    *os.File
	chunks chan []byte
	seen   []byte // all that forge wrote
	from   int    // where the next text is looked for
}

// patience is how long a console waits for what is certain to come.
const patience = 20 * time.Second

// onTerminal starts forge in dir on a terminal that answers no question itself.
// A name alone in env is a variable that is not set.
func onTerminal(t *testing.T, dir string, env []string, args ...string) *console {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, args...)
	cmd.Args[0] = "forge" // see TestMain
	cmd.Dir = dir
	cmd.Env = append([]string{"TERM=xterm-256color", "PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, env...)
	cmd.Env = slices.DeleteFunc(cmd.Env, func(v string) bool { name, _, _ := strings.Cut(v, "="); return slices.Contains(env, name) })
	f, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		t.Fatal(err)
	}
	if err := keepOutput(f); err != nil {
		t.Fatal(err)
	}
	c := &console{t: t, cmd: cmd, pty: f, chunks: make(chan []byte)}
	go c.read()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = f.Close()
		for range c.chunks {
		}
	})
	return c
}

// keepOutput has the terminal keep, when Ctrl-C is pressed, what it has not shown
// yet: the message of a fast forge can be among that.
func keepOutput(f *os.File) error {
	settings, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		return err
	}
	settings.Lflag |= unix.NOFLSH
	return unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, settings)
}

func (c *console) read() {
	defer close(c.chunks)
	for {
		buf := make([]byte, 4096)
		n, err := c.pty.Read(buf)
		if n > 0 {
			c.chunks <- buf[:n]
		}
		if err != nil {
			return
		}
	}
}

// expect waits until text is on the screen, after what was expected before.
func (c *console) expect(text string) {
	c.t.Helper()
	late := time.After(patience)
	for {
		plain := ansi.Strip(string(c.seen))
		if i := strings.Index(plain[min(c.from, len(plain)):], text); i >= 0 {
			c.from += i + len(text)
			return
		}
		select {
		case chunk, ok := <-c.chunks:
			if !ok {
				c.t.Fatalf("forge ended, without %q:\n%s", text, plain)
			}
			c.seen = append(c.seen, chunk...)
		case <-late:
			c.t.Fatalf("no %q:\n%s", text, plain)
		}
	}
}

func (c *console) send(keys string) {
	c.t.Helper()
	if _, err := io.WriteString(c.pty, keys); err != nil {
		c.t.Fatal(err)
	}
}

// ends waits for forge's end and returns its exit code.
func (c *console) ends() int {
	c.t.Helper()
	late := time.After(patience)
	for open := true; open; {
		var chunk []byte
		select {
		case chunk, open = <-c.chunks:
			c.seen = append(c.seen, chunk...)
		case <-late:
			c.t.Fatalf("forge does not end:\n%s", ansi.Strip(string(c.seen)))
		}
	}
	err := c.cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	} else if err != nil {
		c.t.Fatal(err)
	}
	return 0
}

const (
	ctrlC     = "\x03"
	enter     = "\r"
	backspace = "\x7f"
)
