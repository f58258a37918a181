//go:build jetstream

package config

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestSettingsOfJetStream(t *testing.T) {
	least := map[string]string{"NATS_URL": "tls://a:4222, nats://b", "JETSTREAM_GROUP": "payments", "NATS_TOKEN": "hunter2"}
	cfg, err := FromMap(least, nil)
	if err != nil {
		t.Fatal(err)
	}
	j := cfg.Source
	if len(j.URLs) != 2 || j.URLs[1] != "nats://b" || j.GroupID != "payments" || j.Partitions != 6 || j.AckWait != 30*time.Second || j.Client != "payments" || !j.TLS() {
		t.Errorf("%+v", j)
	}
	for _, change := range []struct{ name, value, want string }{
		{"NATS_URL", "", "NATS_URL is not set: required"},
		{"NATS_URL", "a:4222", "must be nats://host:port"},
		{"NATS_URL", "nats://books:hunter2@a:4222", "without a user and a password"},
		{"JETSTREAM_GROUP", "pay.ments", "without blanks, dots, stars, slashes and >"},
		{"NATS_USER", "books", "one of three ways"},
		{"NATS_PASSWORD", "hunter2", "must be set with NATS_PASSWORD"},
		{"JETSTREAM_REPLICAS", "2", "must be one of 1, 3, 5"},
		{"JETSTREAM_ACK_WAIT", "10ms", "from 1s"},
	} {
		settings := map[string]string{change.name: change.value}
		for name, value := range least {
			if name != change.name {
				settings[name] = value
			}
		}
		_, err := FromMap(settings, nil)
		if err == nil || !strings.Contains(err.Error(), change.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s=%s: error is %v, want %s", change.name, change.value, err, change.want)
		}
	}
	settings := map[string]string{"NATS_URL": "nats://a", "NATS_CA": "x"}
	if _, err := FromMap(settings, nil); err == nil || !strings.Contains(err.Error(), "NATS_CA") {
		t.Error(errors.Join(errors.New("a certificate without TLS"), err))
	}
	if doubt := (JetStream{URLs: []string{"nats://a"}, User: "books"}).Doubt(); !strings.Contains(doubt, "not encrypted") {
		t.Errorf("a password over a plain connection: %q", doubt)
	}
}
