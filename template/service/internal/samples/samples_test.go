package samples

import (
	"strings"
	"testing"
)

func TestEveryFileLoads(t *testing.T) {
	all, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	fates := map[Fate]int{}
	for _, s := range all {
		fates[s.Expect]++
		if s.Topic == "" || s.Name == "" || len(s.Value) == 0 {
			t.Errorf("sample %q of topic %q is incomplete", s.Name, s.Topic)
		}
	}
	if fates[Handled] == 0 || fates[DeadLetter] == 0 {
		t.Errorf("the samples show only one fate: %v", fates)
	}
}

func TestMistakesInAFileAreNamed(t *testing.T) {
	for text, want := range map[string]string{
		`{"samples":[]}`:            "no topic",
		`{"topic":"t","sample":[]}`: "unknown field",
		`{"topic":"t","samples":[{"name":"a","expect":"fine","value":{}}]}`: `sample "a" expects "fine"`,
		`{"topic":"t","samples":[{"name":"a","expect":"handled"}]}`:         `sample "a": value`,
	} {
		_, err := parse([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// Each case but the first two is a service with a fault that the check must see.
func TestCompareSeesAWrongFate(t *testing.T) {
	good := Sent{Sample: Sample{Topic: "t", Name: "good", Key: "k", Expect: Handled, Value: []byte(`{}`)}}
	bad := Sent{Sample: Sample{Topic: "t", Name: "bad", Key: "k", Expect: DeadLetter, Reason: "amount", Value: []byte(`{"a":0}`)}, Offset: 1}
	letter := Letter{Origin: "t/0@1", Key: []byte("k"), Original: []byte(`{"a":0}`), Reason: "amount: too small"}
	with := func(change func(*Letter)) []Letter {
		l := letter
		change(&l)
		return []Letter{l}
	}
	for name, c := range map[string]struct {
		letters []Letter
		want    string
	}{
		"right":            {[]Letter{letter}, ""},
		"right, but twice": {[]Letter{letter, letter}, ""},
		"no dead letter":   {nil, "t/0@1  bad: expected a dead letter"},
		"one too many":     {[]Letter{letter, {Origin: "t/0@0", Reason: "why"}}, "t/0@0  good: expected to be handled, but became a dead letter: why"},
		"other reason":     {with(func(l *Letter) { l.Reason = "no" }), `lacks "amount": no`},
		"other value":      {with(func(l *Letter) { l.Original = []byte(`{"a": 0}`) }), "original key and value"},
		"other key":        {with(func(l *Letter) { l.Key = nil }), "original key and value"},
	} {
		err := compare([]Sent{good, bad}, c.letters)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}
