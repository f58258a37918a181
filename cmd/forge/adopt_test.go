package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ouroboros-forge/forge/internal/project"
)

// TestChangedProjectIsAdopted proves that the record of a service that commands have
// changed is found again, with each checksum.
func TestChangedProjectIsAdopted(t *testing.T) {
	schema := filepath.Join(t.TempDir(), "payment.avsc")
	const text = `{"type": "record", "name": "PaymentMade", "fields": [{"name": "id", "type": "string"}, {"name": "cents", "type": "long"}]}`
	if err := os.WriteFile(schema, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := aProject(t, [][]string{
		{"add", "http"}, {"add", "handler", "refunds"}, {"add", "avro"}, {"add", "handler", "payments", "--schema", schema},
		{"remove", "github"}, {"add", "batch", "tests"}, {"remove", "handler", "orders"},
	})
	lost, err := project.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, ".forge")); err != nil {
		t.Fatal(err)
	}
	if code, stderr := inProject(t, dir, nil, "adopt"); code != exitOK {
		t.Fatal(stderr)
	}
	found, err := project.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(lost.Answers.With)
	slices.Sort(found.Answers.With)
	if !slices.Equal(found.Answers.Topics, lost.Answers.Topics) || !slices.Equal(found.Answers.With, lost.Answers.With) || found.Answers.Schemas["payments"].Text != text {
		t.Errorf("found %+v, lost %+v", found.Answers, lost.Answers)
	}
	for _, f := range lost.Files {
		if !slices.Contains(found.Files, f) {
			t.Errorf("%s is recorded otherwise", f.Path)
		}
	}
	if len(found.Files) != len(lost.Files) {
		t.Errorf("%d files, lost were %d", len(found.Files), len(lost.Files))
	}
	for _, args := range [][]string{{"status"}, {"remove", "handler", "payments"}, {"undo"}, {"remove", "avro"}} {
		if code, stderr := inProject(t, dir, nil, args...); code != exitOK {
			t.Errorf("forge %v: %s", args, stderr)
		}
	}
}
