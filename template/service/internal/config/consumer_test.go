package config

import (
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestAConsumerHasTheServicesSettingsUnderItsOwn(t *testing.T) {
	inDir(t, ".env", "SERVICE_NAME=shop\nAUDIT_ORDERING=none\nAUDIT_MAX_POLL_RECORDS=5\nDRAIN_TIMEOUT=10s\nAUDIT_DRAIN_TIMEOUT=20s\n",
		"config.yaml", strings.Join([]string{
			"bootstrap.servers: a:1", "group.id: payments", "max_poll_records: 7",
			"audit_max_workers: 1", "audit_kafka_auto_offset_reset: latest",
		}, "\n"))
	cfg, err := load("config.yaml", nil, map[string]string{"MAX_WORKERS": "10", "AUDIT_ORDERING": "partition", "DEAD_LETTERS_KAFKA_GROUP_ID": "others"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := cfg.Source
	want.GroupID, want.MaxWorkers, want.Ordering, want.MaxPollRecords, want.AutoOffsetReset = "payments-audit", 1, "partition", 5, "latest"
	want.DrainTimeout, want.ReadTimeout, want.RebalanceTimeout = 20e9, 35e9, 70e9
	for range 2 { // the second time it is the same, and no second consumer of that group
		if got, err := cfg.Consumer("audit"); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("audit has %+v, want %+v: %v", got, want, err)
		}
	}
	want = cfg.Source
	want.GroupID = "others"
	if got, err := cfg.Consumer("dead-letters"); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("dead-letters has %+v, want %+v: %v", got, want, err)
	}
	if cfg.Source.MaxWorkers != 10 || cfg.Source.MaxPollRecords != 7 || cfg.Source.ClientID != "shop" {
		t.Errorf("the service has %+v", cfg.Source)
	}
	if unread := cfg.CheckUnread(true); len(unread) > 0 {
		t.Errorf("unread %q", unread)
	}
}

func TestAServiceWithoutANameGivesItsGroupsNameToEveryConsumer(t *testing.T) {
	cfg, err := FromMap(least(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if audit, err := cfg.Consumer("audit"); err != nil || cfg.Source.ClientID != "payments" || audit.ClientID != "payments" {
		t.Errorf("client ids %q and %q: %v", cfg.Source.ClientID, audit.ClientID, err)
	}
}

func TestSettingsOfAConsumerAreChecked(t *testing.T) {
	for _, c := range []struct {
		name      string
		base, own map[string]string
		want      string
	}{
		{"a value that is not allowed", nil, map[string]string{"audit_max_workers": "0"}, `consumer audit: map: audit_max_workers="0": must be a whole number, from 1 to 100000`},
		{"two that do not fit", nil, map[string]string{"audit_kafka_read_timeout": "15s"}, `consumer audit: DRAIN_TIMEOUT="15s": must be less than KAFKA_READ_TIMEOUT (15s)`},
		{"the service's group", nil, map[string]string{"audit_kafka_group_id": "payments"}, `consumer audit: map: audit_kafka_group_id="payments": is another consumer's group too: each needs one of its own`},
		{"another one's group", nil, map[string]string{"audit_kafka_group_id": "payments-billing"}, `consumer audit: map: audit_kafka_group_id="payments-billing": is another consumer's group too: each needs one of its own`},
		{"a group that gets too long", map[string]string{"kafka_group_id": strings.Repeat("g", 245)}, nil, `consumer audit: KAFKA_GROUP_ID="` + strings.Repeat("g", 245) + `-audit": must be printable, at most 249 bytes, without a blank at an end`},
		{"no group at all", map[string]string{"kafka_group_id": ""}, nil, `consumer audit: KAFKA_GROUP_ID is not set: a consumer needs a group; instances with the same group split the partitions`},
		{"the same group at other brokers", nil, map[string]string{"audit_kafka_group_id": "payments", "audit_kafka_bootstrap_servers": "b:1"}, ""},
		{"a certificate that is none", nil, map[string]string{"audit_kafka_ssl_ca": "hunter2"}, `consumer audit: map: audit_kafka_ssl_ca=[redacted]: must be certificates in PEM, or in a file that AUDIT_KAFKA_SSL_CA_FILE names`},
	} {
		settings := map[string]string{"kafka_bootstrap_servers": "a:1", "kafka_group_id": "payments"}
		maps.Copy(settings, c.base)
		maps.Copy(settings, c.own)
		cfg, err := FromMap(settings, nil)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(c.name, "another") {
			if _, err = cfg.Consumer("billing"); err != nil {
				t.Fatal(err)
			}
		}
		if _, err = cfg.Consumer("audit"); c.want != "" {
			equal(t, problemsOf(t, err), c.want)
		} else if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
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
