package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// runProject builds the new service's dev program and runs it: on a terminal
// until it is interrupted, elsewhere until the sample messages are done. It does
// what `go run ./dev` does, and shows how far it is.
func runProject(ctx context.Context, t terminal, o *newOptions, r result) (err error) {
	tmp, err := os.MkdirTemp("", "forge-run-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	binary := filepath.Join(tmp, "dev"+exeSuffix)
	fmt.Fprintln(t.stderr)
	s := steps{w: t.stderr, live: t.live, width: t.width()}

	stale := 0
	if err := s.do("modules", func(report func(string)) (err error) {
		stale, err = fetch(ctx, r.target.abs, report)
		return err
	}); err != nil {
		return stepError(ctx, "the service is written, but its modules cannot be had", err)
	}
	if err := s.do("build", func(report func(string)) error {
		return compile(ctx, r.target.abs, binary, stale, report)
	}); err != nil {
		return stepError(ctx, "the service is written, but does not build", err)
	}
	fmt.Fprintln(t.stderr)

	var args []string
	if !t.interactive {
		args = append(args, "-once")
	}
	dev := exec.Command(binary, args...) //nolint:gosec,noctx // just built; runToEnd ends it, gently
	dev.Dir = r.target.abs
	dev.Env = append(r.answers.DevEnv(), os.Environ()...) // the last of a name counts
	dev.Stdin, dev.Stdout, dev.Stderr = t.stdin, t.stdout, t.stderr
	if o.asJSON { // stdout is the result's
		dev.Stdout = t.stderr
	}
	return runToEnd(ctx, dev)
}

// fetch downloads what dev imports, and nothing else that go.mod names. It
// returns how many packages are to be compiled: most have been before.
func fetch(ctx context.Context, dir string, report func(string)) (stale int, err error) {
	modules := make(map[string]bool)
	downloads, packages := 0, 0
	err = watch(ctx, dir, []string{"list", "-deps", "-f", "{{.Stale}} {{with .Module}}{{.Path}}{{end}}", "./dev"},
		func(line string) {
			packages++
			isStale, module, _ := strings.Cut(line, " ")
			if isStale == "true" {
				stale++
			}
			if module != "" {
				modules[module] = true
			}
		},
		func(line string) bool {
			what, ok := strings.CutPrefix(line, "go: downloading ")
			if ok {
				downloads++
				report(fmt.Sprintf("%d downloading, %s", downloads, what))
			}
			return ok
		})
	report(fmt.Sprintf("%d modules, %d packages, %d of them to compile", len(modules), packages, stale))
	return stale, err
}

// compile builds dev, of which stale packages are to be compiled, into binary.
func compile(ctx context.Context, dir, binary string, stale int, report func(string)) error {
	compiled := 0
	left := func(current string) {
		if n := stale - compiled; n > 0 {
			report(fmt.Sprintf("%s left%s", count(n, "package"), current))
		} else {
			report("linking")
		}
	}
	left("")
	err := watch(ctx, dir, []string{"build", "-v", "-ldflags=-s -w", "-o", binary, "./dev"}, nil,
		func(line string) bool {
			if strings.ContainsAny(line, " :\t") || line == "" { // not the path of a package
				return strings.HasPrefix(line, "go: downloading ")
			}
			left(", " + line) // which has just begun
			compiled++
			return true
		})
	report(count(compiled, "package") + " compiled")
	return err
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// watch runs the go command and hands on its lines as they come. What noted
// does not take of its standard error explains a failure.
func watch(ctx context.Context, dir string, args []string, out func(string), noted func(string) bool) error {
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // all arguments are above
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off") // the module is in no workspace yet
	interruptible(cmd)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		eachLine(stdout, out)
	}()
	var said []string
	eachLine(stderr, func(line string) {
		if !noted(line) {
			said = append(said, line)
		}
	})
	<-read
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%s\n`go %s`: %w", strings.Join(said, "\n"), args[0], err)
	}
	return nil
}

// endingTime is what a command has to end when forge is interrupted, before it is killed.
const endingTime = 5 * time.Second

// interruptible has a command, and what that has started, be interrupted when forge is.
func interruptible(cmd *exec.Cmd) {
	ownGroup(cmd)
	cmd.Cancel = func() error { return signalGroup(cmd, os.Interrupt) }
	cmd.WaitDelay = endingTime
}

func eachLine(r io.Reader, do func(string)) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if do != nil {
			do(lines.Text())
		}
	}
	_, _ = io.Copy(io.Discard, r) // a line too long to read
}

func stepError(ctx context.Context, what string, err error) error {
	const hint = "to start it: `go run ./dev` in the new directory"
	if ctx.Err() != nil {
		return &failure{code: exitInterrupted, err: errors.New("interrupted, the service is written, but was not started"), hint: hint}
	}
	return failed(hint, "%s\n%w", what, err)
}

// runToEnd runs cmd in a process group of its own and waits for it, however
// long it takes to end. Ctrl-C comes to forge alone then, which hands on each
// one exactly once: the first drains the service, a second ends it at once.
func runToEnd(ctx context.Context, cmd *exec.Cmd) error {
	ownGroup(cmd)
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		return devError(err)
	case <-ctx.Done():
	}
	again := make(chan os.Signal, 1)
	signal.Notify(again, os.Interrupt, syscall.SIGTERM, syscall.SIGQUIT)
	defer signal.Stop(again)
	_ = signalGroup(cmd, os.Interrupt)
	for {
		select {
		case err := <-ended:
			return devError(err)
		case <-again:
			_ = signalGroup(cmd, os.Interrupt)
		}
	}
}

// devError tells how the service's end was. One that was interrupted and ended
// well ended as it should.
func devError(err error) error {
	exit, ok := errors.AsType[*exec.ExitError](err)
	switch {
	case !ok:
		return err
	case endedBySignal(exit):
		return interrupted("the service ended without draining")
	}
	return failed("its last lines tell why; start it again with `go run ./dev` in its directory", "the service failed: %w", err)
}
