package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/ouroboros-forge/forge/internal/landing"
	releases "github.com/ouroboros-forge/forge/internal/release"
)

// TestMain lets the test binary be forge itself, for scripts and for tests that
// need a process.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"forge": func() {
		release = os.Getenv("FORGE_TEST_RELEASE")
		if dir := os.Getenv("FORGE_TEST_RELEASES"); dir != "" {
			archive, err := releases.NewArchive(os.DirFS(dir))
			openArchive = func() (*releases.Archive, error) { return archive, err }
			if err == nil && slices.Contains(archive.Versions(), release) {
				ownTemplate, _, _ = archive.Open(release)
			}
		}
		if n, err := strconv.Atoi(os.Getenv("FORGE_TEST_KILL")); err == nil {
			landingStep = killAt(n)
		}
		if n, err := strconv.Atoi(os.Getenv("FORGE_TEST_INTERRUPT")); err == nil {
			landingStep = interruptFrom(n)
		}
		main()
	}})
}

// killAt kills this process before its n-th change of a project.
func killAt(n int) landing.Step {
	return func(string) error {
		if n--; n < 0 {
			self, err := os.FindProcess(os.Getpid())
			if err != nil {
				return err
			}
			if err := self.Kill(); err != nil {
				return err
			}
			select {} // the signal is on its way
		}
		return nil
	}
}

// interruptFrom interrupts this process before its n-th change of a project, and before
// each that follows.
func interruptFrom(n int) landing.Step {
	return func(string) error {
		if n--; n >= 0 {
			return nil
		}
		self, err := os.FindProcess(os.Getpid())
		if err != nil {
			return err
		}
		return self.Signal(os.Interrupt)
	}
}

// TestScripts runs the scripts of testdata/script, one behaviour each.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("..", "..", "testdata", "script"),
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":   exits,
			"holds":   holds,
			"files":   files,
			"asfiled": asFiled,
			"same":    sameFiles,
			"cut":     cutRelease,
			"setline": setLine,
			"claim":   claim,
			"listen":  listen,
			"broker":  broker,
			"greet":   greet,
		},
		Setup: func(env *testscript.Env) error {
			exe, err := os.Executable()
			if err != nil {
				return err
			}
			env.Setenv("EXE", exe)
			env.Setenv("NL", "\n")
			env.Setenv("A250", strings.Repeat("a", 250))
			return os.Mkdir(filepath.Join(env.WorkDir, "empty"), 0o755)
		},
	})
}

// exits CODE COMMAND…: the command ends with that exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits code command [args…]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// listen NAME: something listens until the script ends, at the address in $NAME.
func listen(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: listen name")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { _ = listener.Close() })
	ts.Setenv(args[0], listener.Addr().String())
}

// broker NAME [TOPIC…]: a Kafka with these topics runs until the script ends, at the
// address in $NAME.
func broker(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: broker name [topic…]")
	}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(6, args[1:]...), kfake.AllowAutoTopicCreation())
	ts.Check(err)
	ts.Defer(cluster.Close)
	ts.Setenv(args[0], cluster.ListenAddrs()[0])
}

// greet NAME: what listens at the address in $NAME says something that is not Kafka's.
func greet(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: greet name")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { _ = listener.Close() })
	ts.Setenv(args[0], listener.Addr().String())
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // the script has ended
			}
			_, _ = conn.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			_ = conn.Close()
		}
	}()
}

// holds DIR [NAME…]: the directory has exactly these entries.
func holds(ts *testscript.TestScript, neg bool, args []string) {
	entries, err := os.ReadDir(ts.MkAbs(args[0]))
	ts.Check(err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got, want := strings.Join(names, " "), strings.Join(args[1:], " "); (got == want) == neg {
		ts.Fatalf("%s holds %q, want %q", args[0], got, want)
	}
}

// files DIR FILE: writes the paths of the files below DIR to FILE, a line each.
func files(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: files dir file")
	}
	var list strings.Builder
	for _, name := range below(ts, args[0]) {
		fmt.Fprintln(&list, name)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(list.String()), 0o600))
}

func below(ts *testscript.TestScript, dir string) []string {
	var names []string
	ts.Check(fs.WalkDir(os.DirFS(ts.MkAbs(dir)), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, name)
		}
		return err
	}))
	return names
}

// same DIR OTHER: they have the same files, but for what forge keeps to undo.
func sameFiles(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: same dir other")
	}
	names := func(dir string) []string {
		return slices.DeleteFunc(below(ts, dir), func(name string) bool { return strings.HasPrefix(name, ".forge/undo/") })
	}
	a, b := names(args[0]), names(args[1])
	if more, less := missing(a, b), missing(b, a); len(more)+len(less) > 0 {
		ts.Fatalf("%s has %v too many, and %v too few", args[0], more, less)
	}
	for _, name := range a {
		if ts.ReadFile(filepath.Join(args[0], name)) != ts.ReadFile(filepath.Join(args[1], name)) {
			ts.Fatalf("%s is not the same", name)
		}
	}
}

// asfiled RESULT: what a result of --json says of each file is so, and there is
// no other file.
func asFiled(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: asfiled result")
	}
	var r jsonResult
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &r))
	if got := below(ts, r.Target); len(got) != len(r.Files) {
		ts.Fatalf("%d files are there, the result has %d", len(got), len(r.Files))
	}
	for _, f := range r.Files {
		path := filepath.Join(r.Target, filepath.FromSlash(f.Path))
		info, err := os.Stat(path)
		ts.Check(err)
		content, err := os.ReadFile(path)
		ts.Check(err)
		sum := sha256.Sum256(content)
		if mode := fmt.Sprintf("%04o", info.Mode().Perm()); mode != f.Mode || hex.EncodeToString(sum[:]) != f.SHA256 {
			ts.Fatalf("%s: mode %s and sum %x, the result has %s and %s", f.Path, mode, sum, f.Mode, f.SHA256)
		}
	}
}
