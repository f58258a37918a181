package main

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ouroboros-forge/forge/template/service/dev/samples"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

func TestOnceEndsWhenEverySampleMetItsFate(t *testing.T) {
	all := load(t)
	var text strings.Builder
	if err := run(t.Context(), all, true, newReport(&text, false)); err != nil {
		t.Fatalf("%v\n%s", err, text.String())
	}
	for _, fate := range []samples.Fate{samples.Handled, samples.DeadLetter} {
		want := 0
		for _, s := range all {
			if s.Expect == fate {
				want++
			}
		}
		lines := regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d  \S+/\d@\d+ +` + string(fate) + ` `)
		if got := len(lines.FindAllString(text.String(), -1)); got != want {
			t.Errorf("%d lines of %q, want %d:\n%s", got, fate, want, text.String())
		}
	}
}

func TestOnceTellsWhichSampleMetAWrongFate(t *testing.T) {
	all := load(t)
	for i := range all {
		if all[i].Expect == samples.Handled {
			all[i].Expect, all[i].Name = samples.DeadLetter, "planted"
			break
		}
	}
	err := run(t.Context(), all, true, newReport(new(strings.Builder), false))
	if err == nil || !strings.Contains(err.Error(), "planted: expected dead letter, met handled") {
		t.Errorf("it says %v", err)
	}
}

func TestRefusesSamplesThatNobodyHandles(t *testing.T) {
	stray := []samples.Sample{{Topic: "nobody-s", Name: "stray"}}
	err := run(t.Context(), stray, true, newReport(new(strings.Builder), false))
	if err == nil || !strings.Contains(err.Error(), `sample "stray" is for topic "nobody-s"`) {
		t.Errorf("it says %v", err)
	}
}

func TestLines(t *testing.T) {
	m := &message.Message{
		Topic: "t", Partition: 2, Offset: 7,
		Header: &message.Header{MessageType: "PaymentMade", MessageID: "0192f0c1-0000-7000-8000-000000000001"},
	}
	bad := errors.New("a.b: must be more\x1b[31m\nand a second line")
	for want, e := range map[string]engine.Event{
		"t/2@7  handled      PaymentMade 0192f0c1   1.2 ms":                                      {Kind: engine.Handled, Elapsed: 1234 * time.Microsecond},
		"t/2@7  retry 1/5    PaymentMade 0192f0c1   a.b: must be more [31m, in 2.0 s":            {Kind: engine.Retrying, Err: bad, Attempt: 1, MaxAttempts: 5, Delay: 2 * time.Second},
		"t/2@7  waiting      PaymentMade 0192f0c1   a.b: must be more [31m, in 2.0 s":            {Kind: engine.Waiting, Err: bad, Attempt: 1, MaxAttempts: 5, Delay: 2 * time.Second},
		"t/2@7  dead letter  PaymentMade 0192f0c1   a.b: must be more [31m → t.dlq":              {Kind: engine.DeadLettered, Err: bad},
		"t/2@7  dead letter refused  PaymentMade 0192f0c1   a.b: must be more [31m, in 100.0 ms": {Kind: engine.DeadLetterRefused, Err: bad, Delay: 100 * time.Millisecond},
		"t/2@7  stopped      PaymentMade 0192f0c1   a.b: must be more [31m":                      {Kind: engine.Stopped, Err: bad},
	} {
		var text strings.Builder
		e.Message = m
		newReport(&text, false).event(e)
		if _, got, _ := strings.Cut(text.String(), "  "); got != want+"\n" {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}

func TestColoursOnlyWhereTheyShow(t *testing.T) {
	for colours, want := range map[bool]int{true: 4, false: 0} {
		var text strings.Builder
		newReport(&text, colours).event(engine.Event{Message: &message.Message{Topic: "t"}})
		if got := strings.Count(text.String(), "\x1b["); got != want {
			t.Errorf("with colours %v: %d of them in %q", colours, got, text.String())
		}
	}
}

func load(t *testing.T) []samples.Sample {
	t.Helper()
	all, err := samples.Load()
	if err != nil {
		t.Fatal(err)
	}
	return all
}
