// Package mutants proves that the tests of the engine, of what reads from and
// writes to Kafka, and of the quick codec would notice its mistakes. It plants each of them, one at a
// time, by overlaying a source file, and expects the tests to fail.
package mutants

import (
	"cmp"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestEveryMutantHasItsPlace proves that each mistake can still be planted.
func TestEveryMutantHasItsPlace(t *testing.T) {
	for _, m := range mutants {
		t.Run(strings.ReplaceAll(m.name, " ", "-"), func(t *testing.T) { plant(t, m) })
	}
}

// TestEveryMutantIsKilled prints each mutant and what killed it.
func TestEveryMutantIsKilled(t *testing.T) {
	t.Parallel()
	checks := os.Getenv("MUTANTS")
	if checks == "" {
		t.Skip("takes minutes: MUTANTS=2000 runs it, with so many random histories for each mutant")
	}
	for _, m := range mutants {
		t.Run(strings.ReplaceAll(m.name, " ", "-"), func(t *testing.T) {
			t.Parallel() // most of the time the tests of a mutant wait
			if !strings.HasPrefix(m.file, "engine/") && seenBy[m.name] == "" {
				t.Fatal("seenBy does not say which tests see it")
			}
			overlay := plant(t, m)
			pkg := filepath.Dir(m.file)
			args := []string{"test", "-vet=off", "-overlay", overlay, "-failfast", "-timeout", "60s", "-count=1", "-run", seenBy[m.name], filepath.Join(internal, cmp.Or(testedIn[pkg], pkg))}
			if !slices.Contains([]string{"schema", "message", "kafka", "jetstream", "rabbitmq", "publisher"}, pkg) { // which have no random histories, and so do not know these flags
				args = append(args, "-rapid.checks="+checks, "-rapid.nofailfile", "-rapid.shrinktime=1ms")
			}
			out, err := exec.CommandContext(t.Context(), "go", args...).CombinedOutput()
			if err == nil {
				t.Fatalf("SURVIVED: %s", m.name)
			}
			by := killer(string(out))
			if by == "" {
				t.Fatalf("does not build:\n%s", out)
			}
			t.Logf("%-50s killed by %s", m.name, by)
		})
	}
}

// plant writes the mutated file and the overlay that puts it in place.
func plant(t *testing.T, m mutant) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(internal, m.file))
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), m.old); n == 0 {
		t.Fatalf("%s has no %q: the mutant needs mending", m.file, m.old)
	}
	mutated := filepath.Join(t.TempDir(), filepath.Base(m.file))
	if err := os.WriteFile(mutated, []byte(strings.Replace(string(source), m.old, m.replacement, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{path: mutated}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "overlay.json")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

var (
	failed    = regexp.MustCompile(`(?m)^--- FAIL: (\S+)`)
	invariant = regexp.MustCompile(`broken: \["(\d+): `)
	crashed   = regexp.MustCompile(`(?m)^(?:panic|fatal error): (.*)$`)
)

// killer returns what failed in a test run's output, empty when nothing ran.
func killer(out string) string {
	if strings.Contains(out, "[build failed]") {
		return ""
	}
	var by []string
	for _, m := range failed.FindAllStringSubmatch(out, -1) {
		by = append(by, m[1])
	}
	if m := invariant.FindStringSubmatch(out); m != nil {
		by = append(by, "(invariant "+m[1]+")")
	}
	if m := crashed.FindStringSubmatch(out); m != nil {
		by = append(by, "("+m[1]+")")
	}
	return strings.Join(by, " ")
}
