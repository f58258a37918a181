package main

import (
	"bytes"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/render"
)

// TestAnOldServiceMoves proves that a service of a release that knew one source is not
// taken apart by a move to another, and that after an update also the files move that an
// update leaves to the user.
func TestAnOldServiceMoves(t *testing.T) {
	archive, err := openArchive()
	if err != nil {
		t.Fatal(err)
	}
	tmpl, _, err := archive.Open("v0.4.0")
	if err != nil {
		t.Fatal(err)
	}
	tree, err := render.Render(tmpl, answers.Defaults("shop"), "v0.4.0")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "shop")
	if err := render.Write(t.Context(), tree, dir); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	forge := func(args ...string) (code int, stderr string) {
		var errs bytes.Buffer
		code = run(t.Context(), args, strings.NewReader(""), io.Discard, &errs)
		return code, errs.String()
	}
	before := snapshot(t, dir)
	for _, what := range []string{answers.RabbitMQ, answers.KafkaShare} {
		code, stderr := forge("add", what)
		if want := "forge: error: forge v0.4.0, which wrote this service, has no " + what + "; nothing was written\nforge: hint: `forge update` first\n"; code != exitUsage || stderr != want {
			t.Errorf("add %s: code %d, %s", what, code, stderr)
		}
	}
	if !maps.Equal(snapshot(t, dir), before) {
		t.Error("something was written")
	}
	if code, stderr := forge("update", "--no-verify"); code != exitLeft {
		t.Fatal(code, stderr)
	}
	if code, stderr := forge("add", answers.RabbitMQ); code != exitOK && code != exitLeft {
		t.Fatal(code, stderr)
	}
	for name, want := range map[string]string{"compose.yaml": "image: rabbitmq", ".env": "RABBITMQ_URL=amqp", ".env.example": "RABBITMQ_URL=amqp", "README.md": "RabbitMQ"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !bytes.Contains(text, []byte(want)) || bytes.Contains(text, []byte("KAFKA_")) {
			t.Errorf("%s has no %q, or is still of Kafka: %v\n%s", name, want, err, text)
		}
	}
}
