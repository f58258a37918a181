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
//	go test -run '^$' -bench New -benchtime 50x ./cmd/forge
//
// MiB-maxrss is the largest of all runs, as GNU time tells it: the kernel counts
// into what wait reports the memory of whoever started the process, and this
// test is larger than forge.
func BenchmarkNew(b *testing.B) {
	dir := b.TempDir()
	forge := filepath.Join(dir, "forge")
	if out, err := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", forge, ".").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	target := filepath.Join(dir, "my-service")
	b.Run("forge", func(b *testing.B) {
		measure(b, target, forge, "new", target, "--no-input")
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
	b.Run("cp", func(b *testing.B) { measure(b, target, "cp", "-r", original, target) })
}

// measure runs a command that makes the target, again and again.
func measure(b *testing.B, target string, command ...string) {
	b.Helper()
	timed, err := exec.LookPath("time")
	if err == nil {
		command = append([]string{timed, "-f", "%M"}, command...)
	}
	largest := 0
	for b.Loop() {
		cmd := exec.Command(command[0], command[1:]...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if err := cmd.Run(); err != nil {
			b.Fatalf("%v\n%s", err, stderr.Bytes())
		}
		b.StopTimer()
		if timed != "" {
			kib, err := strconv.Atoi(strings.TrimSpace(stderr.String()))
			if err != nil {
				b.Fatal(err)
			}
			largest = max(largest, kib)
		}
		if err := os.RemoveAll(target); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1e3/float64(b.N), "ms/op")
	if largest > 0 {
		b.ReportMetric(float64(largest)/1024, "MiB-maxrss")
	}
}
