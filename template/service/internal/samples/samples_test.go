package samples

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
)

func TestFilesAreReadInTheOrderOfTheirNames(t *testing.T) {
	all, err := Load(fstest.MapFS{
		"b.json": {Data: []byte(`{"topic":"b","samples":[{"name":"2","expect":"handled","value":{"x": 1}}]}`)},
		"a.json": {Data: []byte(`{"topic":"a","samples":[{"name":"1","key":"k","expect":"dead letter","reason":"r","value":"v"}]}`)},
		"c.txt":  {Data: []byte(`no sample`)},
	})
	if err != nil || len(all) != 2 || all[0].Topic != "a" || all[0].Key != "k" || string(all[1].Value) != `{"x":1}` {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestMistakesInAFileAreNamed(t *testing.T) {
	for text, want := range map[string]string{
		`{"samples":[]}`:            "samples/x.json: no topic",
		`{"topic":"t","sample":[]}`: "unknown field",
		`{"topic":"t","samples":[{"name":"a","expect":"fine","value":{}}]}`: `sample "a" expects "fine": must be "handled" or "dead letter"`,
		`{"topic":"t","samples":[{"name":"a","expect":"handled"}]}`:         `sample "a": value`,
	} {
		_, err := Load(fstest.MapFS{"x.json": {Data: []byte(text)}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// A sample that became something else than it expects is named, with the reason.
func TestCheckNamesTheSampleAndTheReason(t *testing.T) {
	good := Sample{Topic: "t", Name: "good", Expect: "handled"}
	bad := Sample{Topic: "t", Name: "bad", Expect: "dead letter", Reason: "amount"}
	why := errors.New("body.amount: must be more")
	for _, c := range []struct {
		sample Sample
		event  engine.Event
		want   string
	}{
		{good, engine.Event{Kind: engine.Handled}, ""},
		{bad, engine.Event{Kind: engine.DeadLettered, Err: why}, ""},
		{good, engine.Event{Kind: engine.DeadLettered, Err: why}, `sample "good" of t: expected handled, got dead letter: body.amount: must be more`},
		{bad, engine.Event{Kind: engine.Handled}, `sample "bad" of t: expected dead letter, got handled`},
		{bad, engine.Event{Kind: engine.Skipped, Err: why}, `sample "bad" of t: expected dead letter, got skipped: body.amount: must be more`},
		{bad, engine.Event{Kind: engine.DeadLettered, Err: errors.New("no")}, `sample "bad" of t: its reason lacks "amount": no`},
	} {
		got := ""
		if err := c.sample.Check(c.event); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.sample.Name, got, c.want)
		}
	}
}
