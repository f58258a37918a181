package main

import "testing"

func TestNearest(t *testing.T) {
	flags := []string{"module", "topics", "group", "brokers", "with", "without", "schema", "answers", "dry-run", "json", "run", "git"}
	for given, want := range map[string]string{
		"topcs": "topics", "topic": "topics", "tpoics": "topics", "broker": "brokers", "bokers": "brokers",
		"with": "with", "withou": "without", "dryrun": "dry-run", "answer-file": "", "x": "", "zzz": "", "verbose": "", "rn": "run",
	} {
		if got := nearest(given, flags); got != want {
			t.Errorf("%s: %q, want %q", given, got, want)
		}
	}
}
