package plan_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/merge"
	"github.com/ouroboros-forge/forge/internal/plan"
)

// from are the answers of a service that has its messages from a source.
func from(source string) answers.Answers {
	a := bare("orders")
	answers.SetSource(&a, source)
	return a
}

// TestMoveMarksWhatBothChanged proves that a file does not stay that of the old source
// without a word: it is merged, and what both changed is between markers, once.
func TestMoveMarksWhatBothChanged(t *testing.T) {
	s := newShop(t, from(answers.Kafka))
	s.edit(t, "compose.yaml", "127.0.0.1:9092:9092", "127.0.0.1:19092:9092", "    env_file:\n", "    read_only: true\n    env_file:\n")
	s.edit(t, "Makefile", "e2e:", "e2e: more")
	p := s.make(t, from(answers.RabbitMQ))
	after := s.with(p)
	text := after.files["compose.yaml"].Content
	if got := summary(p); !strings.Contains(got, "edit compose.yaml\n  = lines ") || len(p.Refusals) > 0 {
		t.Fatal(got)
	}
	conflicts := merge.Markers(text)
	if len(conflicts) != 1 {
		t.Errorf("%d conflicts in\n%s", len(conflicts), text)
	}
	for _, want := range []string{"<<<<<<< yours\n", "||||||| kafka\n", ">>>>>>> rabbitmq\n", "127.0.0.1:19092:9092", "image: rabbitmq", "    read_only: true\n", "RABBITMQ_URL: amqp"} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for _, source := range []string{answers.Kafka, answers.JetStream} {
		if got := summary(after.make(t, from(source))); !strings.Contains(got, "refuse compose.yaml:") || !strings.Contains(got, " has a conflict of the last change\n") {
			t.Errorf("on to %s: %s", source, got)
		}
	}
}

// TestMoveListsWhatTextsSay proves that a text of the user's stays, and that where it names
// the old broker is listed.
func TestMoveListsWhatTextsSay(t *testing.T) {
	s := newShop(t, from(answers.Kafka))
	s.put("README.md", "# All mine\n\nIt reads Kafka.\n")
	got := summary(s.make(t, from(answers.RabbitMQ)))
	if want := "keep README.md is changed by you at the same lines: it stays\n  = line 3: It reads Kafka.\n"; !strings.Contains(got, want) {
		t.Error(got)
	}
	if got := summary(s.make(t, from(answers.KafkaShare))); strings.Contains(got, "  = ") {
		t.Error(got)
	}
}

// TestMoveKeepsTheGroup proves that the user's name of the group goes along, also past a
// source that has none.
func TestMoveKeepsTheGroup(t *testing.T) {
	names := map[string]string{answers.Kafka: "KAFKA_GROUP_ID=", answers.KafkaShare: "KAFKA_GROUP_ID=", answers.JetStream: "JETSTREAM_GROUP=", answers.RabbitMQ: ""}
	for _, way := range [][]string{
		{answers.Kafka, answers.JetStream, answers.KafkaShare}, {answers.JetStream, answers.Kafka, answers.JetStream},
		{answers.Kafka, answers.RabbitMQ, answers.JetStream}, {answers.JetStream, answers.RabbitMQ, answers.JetStream},
	} {
		for _, file := range plan.SettingFiles {
			s := newShop(t, from(way[0]))
			s.edit(t, file, names[way[0]]+"shop\n", names[way[0]]+"billing\n#AUDIT_"+names[way[0]]+"audit\n")
			for _, source := range way[1:] {
				s = s.with(s.make(t, from(source)))
				text := string(s.files[file].Content)
				if want := names[source]; want != "" && (!strings.Contains(text, "\n"+want+"billing\n") || !strings.Contains(text, "\n#AUDIT_"+want+"audit\n") || strings.Count(text, "_GROUP") != 2) {
					t.Errorf("%s: %s of %s is\n%s", strings.Join(way, " to "), file, source, text)
				}
			}
		}
	}
}

// TestMoveAndBack proves that who moves a service and moves it back has what was there,
// with the edits, and that nothing is left to do but what the user has put in.
func TestMoveAndBack(t *testing.T) {
	for _, source := range answers.Sources()[1:] {
		s := newShop(t, from(answers.Kafka))
		s.edit(t, "compose.yaml", "    env_file:\n", "    read_only: true\n    env_file:\n")
		s.edit(t, ".env", "LOG_LEVEL=info", "LOG_LEVEL=debug", "MAX_WORKERS=16", "MAX_WORKERS=4\nMINE=1")
		s.edit(t, "README.md", "# shop\n", "# My shop\n")
		s.edit(t, "Makefile", ".PHONY", "# mine\n.PHONY")
		s.edit(t, "docs/operating.md", "# Operating", "# How we operate")
		s.edit(t, "app/app.go", "\treturn nil", "\tmore(b)\n\treturn nil")
		there := s.make(t, from(source))
		moved := s.with(there)
		back := moved.make(t, from(answers.Kafka))
		for _, p := range []plan.Plan{there, back} {
			if i := slices.IndexFunc(p.Steps, plan.Step.Left); i >= 0 || len(p.Refusals) > 0 {
				t.Errorf("%s: %s", source, summary(p))
			}
		}
		for name, f := range moved.with(back).files {
			if want := s.files[name]; !bytes.Equal(f.Content, want.Content) {
				t.Errorf("%s: %s is not what it was:\n%s", source, name, merge.Patch(name, name, want.Content, f.Content))
			}
		}
	}
}
