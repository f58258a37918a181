package thousand

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/ouroboros-forge/forge/e2e/outside"
)

// What is sent: so many messages, of which so many are not valid, and so many
// are refused by the handler.
const (
	total   = 1000
	invalid = 10
	failing = 10
)

// loadSamples returns the sample messages of a project.
func loadSamples(t *testing.T, project string) []outside.Sample {
	t.Helper()
	all, err := outside.LoadSamples(project)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// messages makes a thousand messages out of the samples, spread over topics and
// keys. Each has a name of its own, which begins with run and is the id of
// message and body.
func messages(t *testing.T, kinds []outside.Sample, run string) []outside.Sample {
	t.Helper()
	good := pick(kinds, func(s outside.Sample) bool { return s.Expect == outside.Handled })
	bad := pick(kinds, func(s outside.Sample) bool { return amount(s) == "0" })
	refused := pick(kinds, func(s outside.Sample) bool { return amount(s) == "20000" })
	all := make([]outside.Sample, total)
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

func pick(from []outside.Sample, wanted func(outside.Sample) bool) []outside.Sample {
	return slices.DeleteFunc(slices.Clone(from), func(s outside.Sample) bool { return !wanted(s) })
}

// envelope is as much of a message as the tests must know.
type envelope struct {
	Header map[string]string          `json:"header"`
	Body   map[string]json.RawMessage `json:"body"`
}

func amount(s outside.Sample) string {
	var e envelope
	_ = json.Unmarshal(s.Value, &e) // then it has none
	return string(e.Body["amount"])
}

// named returns the message's value with its name in it.
func named(t *testing.T, s outside.Sample) []byte {
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
