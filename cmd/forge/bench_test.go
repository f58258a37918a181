package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// BenchmarkNew runs a built forge as a process: new without prompts, and for
// comparison copying the files that it wrote.
//
//	go test -run '^$' -bench New -benchtime 60x ./cmd/forge
//
// On ext4 run it some minutes after the last large removal: it does not use the
// inodes of files deleted in the last five minutes, and looks for others one by
// one (recently_deleted in fs/ext4/ialloc.c), which makes both several times as
// slow. TMPDIR=/dev/shm leaves the disk out of it.
//
// MiB-maxrss is the largest of all runs, as GNU time tells it: the kernel counts
// into what wait reports the memory of whoever started the process, and this
// test is larger than forge.
func BenchmarkNew(b *testing.B) {
	dir := b.TempDir()
	forge := builtForge(b, dir)
	b.Run("forge", func(b *testing.B) {
		measure(b, nothing, forge, "new", "my-service", "--no-input")
		info, err := os.Stat(forge)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(info.Size())/1e6, "MB-binary")
	})
	original := filepath.Join(dir, "original")
	if out, err := exec.Command(forge, "new", original, "--no-input").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	b.Run("cp", func(b *testing.B) { measure(b, nothing, "cp", "-r", original, "my-service") })
}

// BenchmarkChange runs a built forge as a process in a project, of which the user
// has edited a file, each time another copy of it.
//
//	go test -run '^$' -bench Change -benchtime 60x ./cmd/forge
func BenchmarkChange(b *testing.B) {
	dir := b.TempDir()
	forge := builtForge(b, dir)
	original := filepath.Join(dir, "shop")
	run := func(dir string, args ...string) {
		b.Helper()
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
	}
	run(dir, forge, "new", original, "--no-input")
	handlers := filepath.Join(original, "handlers", "handlers.go")
	text, err := os.ReadFile(handlers)
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(handlers, append(text, "// mine\n"...), 0o644); err != nil {
		b.Fatal(err)
	}
	added := filepath.Join(dir, "added")
	run(dir, "cp", "-r", original, added)
	run(added, forge, "add", "handler", "payments")
	from := func(original string) func(work string) {
		return func(work string) { run(dir, "cp", "-r", original+"/.", work) }
	}
	b.Run("add", func(b *testing.B) { measure(b, from(original), forge, "add", "handler", "payments") })
	b.Run("add-extra", func(b *testing.B) { measure(b, from(original), forge, "add", "avro") })
	b.Run("remove", func(b *testing.B) { measure(b, from(added), forge, "remove", "handler", "payments") })
	b.Run("rename", func(b *testing.B) { measure(b, from(original), forge, "rename", "handler", "orders", "purchases") })
	b.Run("rename-module", func(b *testing.B) { measure(b, from(original), forge, "rename", "module", "example.com/me/shop") })
	b.Run("undo", func(b *testing.B) { measure(b, from(added), forge, "undo") })
	b.Run("status", func(b *testing.B) { measure(b, from(original), forge, "status") })
}

// builtForge builds forge into a directory.
func builtForge(b *testing.B, dir string, ldflags ...string) string {
	b.Helper()
	forge := filepath.Join(dir, "forge")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w "+strings.Join(ldflags, " "), "-o", forge, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as where there is Go and no C compiler
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return forge
}

func nothing(string) {}

// measure runs a command that changes a tree, again and again, each in a directory
// of its own, which is prepared while the clock stands still. They are removed when
// it has stopped.
func measure(b *testing.B, prepare func(work string), command ...string) {
	b.Helper()
	dir, n := b.TempDir(), 0
	timed, err := exec.LookPath("time")
	if err == nil {
		command = append([]string{timed, "-f", "%M"}, command...)
	}
	largest := 0
	for b.Loop() {
		n++
		work := filepath.Join(dir, strconv.Itoa(n))
		if err := os.Mkdir(work, 0o777); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		prepare(work)
		b.StartTimer()
		cmd := exec.Command(command[0], command[1:]...)
		var stderr bytes.Buffer
		cmd.Dir, cmd.Stderr = work, &stderr
		if err := cmd.Run(); err != nil {
			b.Fatalf("%v\n%s", err, stderr.Bytes())
		}
		if timed != "" {
			kib, err := strconv.Atoi(strings.TrimSpace(stderr.String()))
			if err != nil {
				b.Fatal(err)
			}
			largest = max(largest, kib)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1e3/float64(b.N), "ms/op")
	if largest > 0 {
		b.ReportMetric(float64(largest)/1024, "MiB-maxrss")
	}
}
