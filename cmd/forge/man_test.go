package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestEveryCommandHasAManPage proves that each command that the help lists has a
// page with its name, its purpose and each of its flags.
func TestEveryCommandHasAManPage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "man1")
	var stderr strings.Builder
	if code := run(t.Context(), []string{"man", dir}, nil, io.Discard, &stderr); code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	pages := 0
	var look func(cmd *cobra.Command)
	look = func(cmd *cobra.Command) {
		pages++
		page, err := os.ReadFile(filepath.Join(dir, strings.ReplaceAll(cmd.CommandPath(), " ", "-")+".1"))
		if err != nil {
			t.Error(err)
		}
		for _, want := range manNeeds(cmd) {
			if !strings.Contains(string(page), want) {
				t.Errorf("the page of %q lacks %q", cmd.CommandPath(), want)
			}
		}
		for _, c := range cmd.Commands() {
			if c.IsAvailableCommand() {
				look(c)
			}
		}
	}
	look(rootCommand(newTerminal(nil, io.Discard, io.Discard)))
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != pages {
		t.Errorf("%d pages for %d commands: %v", len(entries), pages, err)
	}
}

func manNeeds(cmd *cobra.Command) []string {
	needs := []string{".TH ", ".SH NAME\n", roff(cmd.Short), roff(cmd.UseLine())}
	for line := range strings.SplitSeq(strings.TrimSpace(cmd.LocalFlags().FlagUsages()), "\n") {
		for word := range strings.FieldsSeq(line) {
			if strings.HasPrefix(word, "--") {
				needs = append(needs, roff(word))
				break
			}
		}
	}
	return needs
}

// TestRoffEscapes proves that text stays text in troff.
func TestRoffEscapes(t *testing.T) {
	for text, want := range map[string]string{
		".TH is no macro": `\&.TH is no macro`,
		"a\n'quoted'":     "a\n\\&'quoted'",
		`--x \n`:          `\-\-x \en`,
	} {
		if got := roff(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

// TestManRefuses proves that man names what it needs, and a place that is none.
func TestManRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[int][]string{exitUsage: {"man"}, exitFailure: {"man", file}} {
		if code := run(t.Context(), args, nil, io.Discard, io.Discard); code != want {
			t.Errorf("forge %s: exit code %d, want %d", strings.Join(args, " "), code, want)
		}
	}
}
