//go:build !jetstream && !rabbitmq

package config

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestAServiceWithoutANameGivesItsGroupsNameToEveryConsumer(t *testing.T) {
	cfg, err := FromMap(least(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if audit, err := cfg.Consumer("audit"); err != nil || cfg.Source.ClientID != "payments" || audit.ClientID != "payments" {
		t.Errorf("client ids %q and %q: %v", cfg.Source.ClientID, audit.ClientID, err)
	}
}

// A file that a consumer's setting names is read with the others.
func TestAConsumersSecretComesFromAFile(t *testing.T) {
	settings := map[string]string{"bootstrap.servers": "a:1", "group.id": "payments", "audit_kafka_sasl_password_file": "/nowhere"}
	_, err := FromMap(settings, nil)
	equal(t, problemsOf(t, err), `map: audit_kafka_sasl_password_file="/nowhere": must be a file that can be read: no such file or directory`)
}

func TestNamesThatNoConsumerReadsAreListed(t *testing.T) {
	for name, unread := range map[string]bool{ // in .env
		"AUDIT_MAX_WORKERS":           false,
		"AUDIT_KAFKA_SSL_CA_FILE":     false,
		"audit_max_workers":           false,
		"AUDIT_MAX_WORKER":            true,
		"AUDT_MAX_WORKERS":            true,
		"BACKUP_KAFKA_ZZZZZ":          true,
		"AUDIT_LOG_LEVEL":             true,
		"AUDIT_KAFKA_SSL_CA_FILE_TWO": true,
	} {
		inDir(t, "ca", "x", ".env", name+"=ca\n")
		cfg, err := load("", nil, least(name+"S", "1"), nil) // never in the environment, which other programs share
		if err != nil {
			t.Fatal(err)
		}
		_, _ = cfg.Consumer("audit") // the value is not right for each of them
		if got := fmt.Sprint(cfg.CheckUnread(true)); unread && got != "[.env:1: "+name+"]" || !unread && got != "[]" {
			t.Errorf("%s: unread %s", name, got)
		}
	}
}

func TestNamesOfConsumersAreChecked(t *testing.T) {
	cfg, err := FromMap(least(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Audit", "a_b", "", "1"} {
		_, err := cfg.Consumer(name)
		if got := problemsOf(t, err); !strings.Contains(got, "a name is made of lower-case letters") {
			t.Errorf("%q: problems %s", name, got)
		}
	}
}

// Names of other programs, such as KAFKA_MAX_WORKERS once was, are no consumer's.
func TestTheLongestNameIsTheConsumersSetting(t *testing.T) {
	cfg, err := FromMap(least("AUDIT_PUBLISH_RETRY_DELAY", "7ms", "AUDIT_RETRY_DELAY", "8ms"), nil)
	if err != nil {
		t.Fatal(err)
	}
	audit, err := cfg.Consumer("audit")
	if err != nil || audit.PublishRetryDelay != 7*time.Millisecond || audit.RetryDelay != 8*time.Millisecond {
		t.Errorf("got %v and %v, %v", audit.PublishRetryDelay, audit.RetryDelay, err)
	}
	_, err = FromMap(least("KAFKA_MAX_WORKERS", "8"), nil)
	if got := problemsOf(t, err); !strings.Contains(got, "KAFKA_MAX_WORKERS is not a setting") {
		t.Errorf("problems %s", got)
	}
}

// What a program overrides for all goes over a consumer's own value: a test's
// broker is not left for that of production.
func TestAnOverrideGoesOverAConsumersOwn(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("AUDIT_KAFKA_BOOTSTRAP_SERVERS", "production:9092")
	t.Setenv("AUDIT_MAX_WORKERS", "3")
	cfg, err := Load("", map[string]string{"KAFKA_BOOTSTRAP_SERVERS": "test:9092", "KAFKA_GROUP_ID": "test"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	k, err := cfg.Consumer("audit")
	if err != nil || len(k.Brokers) != 1 || k.Brokers[0] != "test:9092" || k.GroupID != "test-audit" || k.MaxWorkers != 3 {
		t.Errorf("%v %s %d, %v", k.Brokers, k.GroupID, k.MaxWorkers, err)
	}
}
