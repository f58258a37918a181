package config

import (
	"reflect"
	"strings"
	"testing"
)

func TestAConsumerHasTheFirstOnesSettingsUnderItsOwn(t *testing.T) {
	cfg, err := inFile(t,
		map[string]string{"KAFKA_MAX_WORKERS": "10", "AUDIT_KAFKA_ORDERING": "partition", "DEAD_LETTERS_KAFKA_GROUP_ID": "others"},
		map[string]string{"SERVICE_NAME": "shop", "AUDIT_KAFKA_ORDERING": "none", "AUDIT_KAFKA_MAX_POLL_RECORDS": "5"},
		[]string{"audit", "dead-letters"},
		"bootstrap.servers: a:1", "group.id: payments", "kafka_max_poll_records: 7",
		"consumers:",
		"  audit: {kafka_max_workers: 1, auto.offset.reset: latest}",
	)
	if err != nil {
		t.Fatal(err)
	}
	want := cfg.Kafka
	want.GroupID, want.MaxWorkers, want.Ordering, want.MaxPollRecords, want.AutoOffsetReset = "payments-audit", 1, "partition", 5, "latest"
	if got := cfg.Consumer("audit"); !reflect.DeepEqual(got, want) {
		t.Errorf("audit has %+v, want %+v", got, want)
	}
	want = cfg.Kafka
	want.GroupID = "others"
	if got := cfg.Consumer("dead-letters"); !reflect.DeepEqual(got, want) {
		t.Errorf("dead-letters has %+v, want %+v", got, want)
	}
	if cfg.Kafka.MaxWorkers != 10 || cfg.Kafka.MaxPollRecords != 7 || cfg.Kafka.ClientID != "shop" {
		t.Errorf("the first has %+v", cfg.Kafka)
	}
}

func TestAServiceWithoutANameGivesItsGroupsNameToEveryConsumer(t *testing.T) {
	cfg, err := FromMap(least(), "audit")
	if err != nil || cfg.Kafka.ClientID != "payments" || cfg.Consumer("audit").ClientID != "payments" {
		t.Errorf("client ids %q and %q: %v", cfg.Kafka.ClientID, cfg.Consumer("audit").ClientID, err)
	}
}

func TestSettingsOfAConsumerAreCheckedWithTheOthers(t *testing.T) {
	for _, c := range []struct {
		name      string
		base, own map[string]string
		want      string
	}{
		{"its own", nil, map[string]string{"kafka_max_workers": "0"}, `consumers.audit.kafka_max_workers="0": must be a whole number`},
		{"said of all", map[string]string{"kafka_max_workers": "0"}, nil, `kafka_max_workers="0": must be a whole number`},
		{"its own with one of all", nil, map[string]string{"socket.timeout.ms": "15000"}, `consumer audit: KAFKA_DRAIN_TIMEOUT="15s": must be less than KAFKA_READ_TIMEOUT (15s)`},
		{"the first one's group", nil, map[string]string{"group.id": "payments"}, `consumers.audit.group.id="payments": is the first consumer's too`},
		{"another one's group", nil, map[string]string{"group.id": "payments-billing"}, `is the group of consumer audit too`},
		{"a group that gets too long", map[string]string{"kafka_group_id": strings.Repeat("g", 245)}, nil, `consumer audit: KAFKA_GROUP_ID="ggg`},
		{"no group at all", map[string]string{"kafka_group_id": ""}, nil, `KAFKA_GROUP_ID is not set`},
		{"the same group at other brokers", nil, map[string]string{"group.id": "payments", "bootstrap.servers": "b:1"}, ""},
		{"a password from nowhere", nil, map[string]string{"kafka_sasl_password_file": "/nowhere"}, `consumers.audit.kafka_sasl_password_file="/nowhere": must be a file`},
		{"a certificate that is none", nil, map[string]string{"ssl.ca.pem": "hunter2"}, `consumers.audit.ssl.ca.pem=[redacted]: must be certificates`},
	} {
		settings := map[string]any{"kafka_bootstrap_servers": "a:1", "kafka_group_id": "payments", "consumers": map[string]any{"audit": c.own}}
		for name, value := range c.base {
			settings[name] = value
		}
		consumers := []string{"audit"}
		if c.name == "another one's group" {
			consumers = append(consumers, "billing")
		}
		_, err := FromMap(settings, consumers...)
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		got := problemsOf(t, err)
		if !strings.Contains(got, c.want) || strings.Contains(got, "\n") && c.name != "a group that gets too long" {
			t.Errorf("%s: problems\n%s\nwant one with %q", c.name, got, c.want)
		}
	}
}

func TestNamesThatLookLikeAConsumersAreToldWhereTheyCanBeKnown(t *testing.T) {
	for name, want := range map[string][2]string{ // in .env, in the environment
		"AUDIT_KAFKA_MAX_WORKER":    {`is no setting; did you mean AUDIT_KAFKA_MAX_WORKERS?`, `is no setting; did you mean AUDIT_KAFKA_MAX_WORKERS?`},
		"AUDIT_KAFKA_ZZZZZ":         {`is no setting`, ``},
		"AUDT_KAFKA_MAX_WORKERS":    {`the service has no consumer "audt"; it has audit`, `the service has no consumer "audt"; it has audit`},
		"BACKUP_KAFKA_MAX_WORKERS":  {`the service has no consumer "backup"; it has audit`, ``},
		"BACKUP_KAFKA_ZZZZZ":        {``, ``},
		"AUDIT_LOG_LEVEL":           {``, ``},
		"AUDIT_KAFKA_SSL_CAA_FILE":  {`did you mean AUDIT_KAFKA_SSL_CA_FILE?`, `did you mean AUDIT_KAFKA_SSL_CA_FILE?`},
		"KAFKA_MAX_WORKER":          {`did you mean KAFKA_MAX_WORKERS?`, ``},
		"KAFKA_KAFKA_MAX_WORKERS":   {`did you mean KAFKA_MAX_WORKERS?`, ``},
		"AUDIT_KAFKA_MAX_WORKERS_X": {`did you mean AUDIT_KAFKA_MAX_WORKERS?`, `did you mean AUDIT_KAFKA_MAX_WORKERS?`},
	} {
		for i, err := range []error{
			func() error { _, err := load("", least(), map[string]string{name: "1"}, "audit"); return err }(),
			func() error { _, err := load("", least(name, "1"), nil, "audit"); return err }(),
		} {
			got := ""
			if err != nil {
				got = problemsOf(t, err)
			}
			if (got == "") != (want[i] == "") || !strings.Contains(got, want[i]) || strings.Contains(got, "\n") {
				t.Errorf("%s, source %d: problems %q, want %q", name, i, got, want[i])
			}
		}
	}
	if _, err := load("", least("AUDIT_KAFKA_MAX_WORKERS", "1"), nil); err != nil {
		t.Errorf("a service without the consumer cannot know whose variable that is: %v", err)
	}
}

func TestNamesOfConsumersAreChecked(t *testing.T) {
	_, err := FromMap(least(), "Audit", "a_b", "", "audit", "audit")
	if got := problemsOf(t, err); strings.Count(got, "a name is made of") != 3 || !strings.Contains(got, `"audit" is named twice`) {
		t.Errorf("problems:\n%s", got)
	}
}

func TestAConsumerThatLoadWasNotToldIsAMistakeInTheWiring(t *testing.T) {
	cfg, err := FromMap(least(), "audit")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if text, _ := recover().(string); !strings.Contains(text, `no consumer "billing"`) {
			t.Errorf("panic with %q", text)
		}
	}()
	cfg.Consumer("billing")
}
