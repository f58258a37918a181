package app_test

import (
	"os"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/app/apptest"
	"github.com/ouroboros-forge/forge/template/service/internal/embedded"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/samples"
	"github.com/ouroboros-forge/forge/template/service/internal/service/servicetest"
)

// The service on topics that nobody else has: each message of dev/samples becomes what
// it expects.
func TestSamples(t *testing.T) {
	s := apptest.Start(t, nil)
	all, sent := sendSamples(t, s)
	for i, sample := range all {
		if err := sample.Check(s.Outcome(sent[i])); err != nil {
			t.Error(err)
		}
	}
}

// A service that is started again goes on where it stopped.
func TestRestart(t *testing.T) {
	first := apptest.Start(t, nil)
	_, sent := sendSamples(t, first)
	for _, r := range sent {
		first.Outcome(r)
	}
	first.Stop()

	second := apptest.Start(t, map[string]string{embedded.Address: first.Broker})
	_, more := sendSamples(t, second)
	for _, r := range more {
		second.Outcome(r)
	}
	for _, r := range sent {
		if e, again := second.Last(r); again {
			t.Errorf("%s/%d@%d was done by the first run, and again by the second: %v", r.Topic, r.Partition, r.Offset, e.Kind)
		}
	}
}

func sendSamples(t *testing.T, s *servicetest.Service) ([]samples.Sample, []*message.Message) {
	t.Helper()
	all, err := samples.Load(os.DirFS("../dev/samples"))
	if err != nil {
		t.Fatal(err)
	}
	return all, s.SendSamples(all)
}
