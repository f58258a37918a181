package thousand

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/dev/samples"
)

// What is sent: so many messages, of which so many are not valid, and so many
// are refused by the handler.
const (
	total   = 1000
	invalid = 10
	failing = 10
)

// loadSamples returns the sample messages of a project.
func loadSamples(t *testing.T, project string) []samples.Sample {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(project, "dev", "samples", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	var all []samples.Sample
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var of struct {
			Topic   string
			Samples []samples.Sample
		}
		if err := json.Unmarshal(text, &of); err != nil {
			t.Fatal(err)
		}
		for _, s := range of.Samples {
			s.Topic = of.Topic
			all = append(all, s)
		}
	}
	return all
}

// messages makes a thousand messages out of the samples, spread over topics and
// keys. Each has a name of its own, which begins with run and is the id of
// message and body.
func messages(t *testing.T, kinds []samples.Sample, run string) []samples.Sample {
	t.Helper()
	good := pick(kinds, func(s samples.Sample) bool { return s.Expect == samples.Handled })
	bad := pick(kinds, func(s samples.Sample) bool { return amount(s) == "0" })
	refused := pick(kinds, func(s samples.Sample) bool { return amount(s) == "20000" })
	all := make([]samples.Sample, total)
	for i := range all {
		from := good
		switch {
		case i%(total/invalid) == 33:
			from = bad
		case i%(total/failing) == 66:
			from = refused
		}
		s := from[i%len(from)]
		s.Name = fmt.Sprintf("%s-%d", run, i)
		s.Key = fmt.Sprintf("key-%d", i%97)
		s.Value = named(t, s)
		all[i] = s
	}
	return all
}

func pick(from []samples.Sample, wanted func(samples.Sample) bool) []samples.Sample {
	return slices.DeleteFunc(slices.Clone(from), func(s samples.Sample) bool { return !wanted(s) })
}

// envelope is as much of a message as the tests must know.
type envelope struct {
	Header map[string]string          `json:"header"`
	Body   map[string]json.RawMessage `json:"body"`
}

func amount(s samples.Sample) string {
	var e envelope
	_ = json.Unmarshal(s.Value, &e) // then it has none
	return string(e.Body["amount"])
}

// named returns the message's value with its name in it.
func named(t *testing.T, s samples.Sample) []byte {
	t.Helper()
	var e envelope
	if err := json.Unmarshal(s.Value, &e); err != nil {
		t.Fatal(err)
	}
	e.Header["messageId"] = s.Name
	e.Body["id"] = json.RawMessage(`"` + s.Name + `"`)
	value, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return value
}
