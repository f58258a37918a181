//go:build !jetstream && !rabbitmq && !share

package config

import (
	"log/slog"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestTimeoutsThatAreNotSetFollowThoseThatAre(t *testing.T) {
	for _, c := range []struct {
		set                        []string
		heartbeat, read, rebalance time.Duration
	}{
		{nil, 3 * time.Second, 30 * time.Second, time.Minute},
		{[]string{"KAFKA_SESSION_TIMEOUT", "6s"}, 1500 * time.Millisecond, 30 * time.Second, time.Minute},
		{[]string{"DRAIN_TIMEOUT", "10m"}, 3 * time.Second, 615 * time.Second, 1230 * time.Second},
		{[]string{"DRAIN_TIMEOUT", "10m", "KAFKA_READ_TIMEOUT", "15m"}, 3 * time.Second, 15 * time.Minute, 1515 * time.Second},
		{[]string{"DRAIN_TIMEOUT", "1s", "KAFKA_READ_TIMEOUT", "2s", "KAFKA_REBALANCE_TIMEOUT", "9s", "KAFKA_HEARTBEAT_INTERVAL", "50ms"}, 50 * time.Millisecond, 2 * time.Second, 9 * time.Second},
	} {
		cfg, err := FromMap(least(c.set...), nil)
		if k := cfg.Source; err != nil || k.HeartbeatInterval != c.heartbeat || k.ReadTimeout != c.read || k.RebalanceTimeout != c.rebalance {
			t.Errorf("%v: heartbeat %v, read %v, rebalance %v, %v", c.set, k.HeartbeatInterval, k.ReadTimeout, k.RebalanceTimeout, err)
		}
	}
}

func TestOneRefusedValue(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"KAFKA_ENABLE_AUTO_COMMIT", "true", "a crash then loses them"},
		{"KAFKA_AUTO_OFFSET_RESET", "none", "must be one of earliest, latest"},
		{"KAFKA_BOOTSTRAP_SERVERS", "PLAINTEXT://a:9092", "must be host:port"},
		{"KAFKA_BOOTSTRAP_SERVERS", "a:9092,:9092", "must be host:port"},
		{"KAFKA_BOOTSTRAP_SERVERS", "a:0", "must be host:port"},
		{"KAFKA_BOOTSTRAP_SERVERS", "localhost: 9092", "must be host:port"},
		{"KAFKA_BOOTSTRAP_SERVERS", ",", `KAFKA_BOOTSTRAP_SERVERS=",": must be host:port`},
		{"KAFKA_BOOTSTRAP_SERVERS", "a:9092,,b", `KAFKA_BOOTSTRAP_SERVERS="a:9092,,b": must be host:port`},
		{"OPS_ADDR", ":99999", "a port is 0 to 65535"},
		{"KAFKA_GROUP_ID", "two\nlines", `KAFKA_GROUP_ID="two\nlines": must be printable`},
		{"KAFKA_GROUP_ID", "  ", "must be printable"},
		{"KAFKA_GROUP_ID", "payments ", "without a blank at an end"},
		{"KAFKA_GROUP_ID", strings.Repeat("g", 250), "at most 249 bytes"},
		{"KAFKA_GROUP_INSTANCE_ID", "one/two", "letters, digits"},
		{"MAX_BUFFER_BYTES", "8MiB", "a whole number, from 1024"},
		{"KAFKA_READ_TIMEOUT", "15s", `DRAIN_TIMEOUT="15s": must be less than KAFKA_READ_TIMEOUT (15s)`},
		{"KAFKA_REBALANCE_TIMEOUT", "50s", "must be more than DRAIN_TIMEOUT (15s) + KAFKA_READ_TIMEOUT (30s) + 5s"},
		{"KAFKA_HEARTBEAT_INTERVAL", "7s", "at most a third of KAFKA_SESSION_TIMEOUT (20s)"},
		{"RETRY_DELAY", "11s", "at most RETRY_MAX_DELAY (10s)"},
		{"PUBLISH_RETRY_DELAY", "11s", "at most PUBLISH_RETRY_MAX_DELAY (5s)"},
		{"STUCK_AFTER", "30s", "more than HANDLER_TIMEOUT (30s), or 0s"},
		{"KAFKA_SECURITY_PROTOCOL", "TLS", "one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL"},
		{"KAFKA_SASL_USERNAME", "u", "is not used with KAFKA_SECURITY_PROTOCOL=PLAINTEXT"},
		{"KAFKA_SSL_CA", "/etc/kafka/ca.pem", "must be certificates in PEM, or in a file that KAFKA_SSL_CA_FILE names"},
		{"TIMESTAMP_WITHOUT_ZONE", "local", "one of refuse, utc"},
		{"KAFKA_SESSION_TIMEOUT", "soon", "must be a duration"}, // what depends on it is not reported too
	} {
		_, err := load("", nil, least(c.name, c.value), nil)
		if got := problemsOf(t, err); strings.Contains(got, "\n") || !strings.Contains(got, c.want) {
			t.Errorf("%s=%q gives %q, want one problem with %q", c.name, c.value, got, c.want)
		}
	}
}

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
		{"no group at all", map[string]string{"kafka_group_id": ""}, nil, `consumer audit: KAFKA_GROUP_ID is not set: a consumer needs a group; instances with the same group share the work`},
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

func TestFromMapTakesValuesOfGo(t *testing.T) {
	cfg, err := FromMap(map[string]any{
		"bootstrap.servers":     []string{"a:1", "b:2"},
		"KAFKA_GROUP_ID":        "payments",
		"max_workers":           3,
		"session.timeout.ms":    30_000,
		"heartbeat.interval.ms": 2 * time.Second,
		"drain_timeout":         5 * time.Second,
		"max_poll_records":      float64(1e6), // a number of JSON
		"max_buffer_bytes":      uint32(2048),
		"enable.auto.commit":    false,
		"kafka_client_id":       nil,
		"security.protocol":     "SASL_SSL",
		"sasl.username":         "u",
		"sasl.password":         Secret("hunter2"),
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	k := cfg.Source
	if strings.Join(k.Brokers, "|") != "a:1|b:2" || k.GroupID != "payments" || k.MaxWorkers != 3 || k.SessionTimeout != 30*time.Second ||
		k.HeartbeatInterval != 2*time.Second || k.DrainTimeout != 5*time.Second || k.MaxPollRecords != 1e6 || k.MaxBufferBytes != 2048 ||
		k.SASLUsername != "u" || string(k.SASLPassword) != "hunter2" {
		t.Errorf("settings %+v", k)
	}
}

func TestFromMapReportsEveryProblemAtOnce(t *testing.T) {
	_, err := FromMap(map[string]any{
		"bootstrap.servers":  "localhost",
		"KAFKA_BROKERS":      "a:1",
		"max_workers":        1.5,
		"session.timeout.ms": true,
		"ordering":           []any{"key", "none"},
		"log_level":          map[string]int{"a": 1},
	}, nil)
	equal(t, problemsOf(t, err),
		`map: KAFKA_BROKERS is not a setting; the config command lists those that are`,
		`map: bootstrap.servers="localhost": must be host:port, several separated by commas; a port is 1 to 65535`,
		`map: max_workers="1.5": must be a whole number, from 1 to 100000`,
		`map: ordering="key,none": must be one of key, partition, none`,
		`map: session.timeout.ms="true": must be a duration such as 500ms or 5s, from 1s to 30m`,
		`map: log_level="map[a:1]": must be one of debug, info, warn, error`,
	)
}

func TestYAMLHasBothKindsOfNames(t *testing.T) {
	inDir(t, "config.yaml", strings.Join([]string{
		"# the cluster",
		"bootstrap.servers: [a:1, b:2]",
		"group.id: 010",
		"session.timeout.ms: 30000",
		"heartbeat.interval.ms: 2s",
		"enable.auto.commit: false",
		"",
		"max_workers: 10",
		"DRAIN_TIMEOUT: 5s",
		"kafka_client_id:",
		`kafka_group_instance_id: "null"`,
		"log_level: warn",
	}, "\n"))
	cfg, err := load("config.yaml", nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	k := cfg.Source
	if strings.Join(k.Brokers, "|") != "a:1|b:2" || k.GroupID != "010" || k.SessionTimeout != 30*time.Second || k.HeartbeatInterval != 2*time.Second {
		t.Errorf("Kafka's names: %+v", k)
	}
	if k.MaxWorkers != 10 || k.DrainTimeout != 5*time.Second || k.ClientID != "010" || k.InstanceID != "null" || cfg.Log.Level != slog.LevelWarn {
		t.Errorf("the service's names: %+v", k)
	}
}

func TestEveryProblemOfAFileIsReportedAtOnceWithItsLine(t *testing.T) {
	inDir(t, "config.yaml", strings.Join([]string{
		"max_worker: 10",               // 1
		"bootstrap.servers: localhost", // 2
		"session.timeout.ms: 31",       // 3
		"heartbeat.interval.ms: soon",  // 4
		"group.id: [a, b]",             // 5
		"commit_interval: &a 1s",       // 6
		"drain_timeout: *a",            // 7
		"retry_delay: !!str 1s",        // 8
		"log_level: warn",              // 9
		"log_level: info",              // 10
		"kafka_read_timeout: 20s",      // 11
		"request.timeout.ms: 20000",    // 12
		"client.id: {a: b}",            // 13
		"sesion.timeout.ms: 1",         // 14
	}, "\n"))
	_, err := load("config.yaml", nil, map[string]string{"ORDERING": "topic"}, nil)
	const oneValue = " must be a value or a list: write a name in full, such as max_workers, and in quotes what begins with !, & or *"
	equal(t, problemsOf(t, err),
		`config.yaml:6: commit_interval`+oneValue,
		`config.yaml:8: retry_delay`+oneValue,
		`config.yaml:13: client.id`+oneValue,
		`config.yaml:1: max_worker is not a setting; the config command lists those that are`,
		`config.yaml:10: log_level and log_level (config.yaml:9) give the same setting: keep one`,
		`config.yaml:12: request.timeout.ms and kafka_read_timeout (config.yaml:11) give the same setting: keep one`,
		`config.yaml:14: sesion.timeout.ms is not a setting; the config command lists those that are`,
		`config.yaml:2: bootstrap.servers="localhost": must be host:port, several separated by commas; a port is 1 to 65535`,
		`environment: ORDERING="topic": must be one of key, partition, none`,
		`config.yaml:3: session.timeout.ms="31ms": must be a duration such as 500ms or 5s, from 1s to 30m`,
		`config.yaml:4: heartbeat.interval.ms="soon": must be a duration such as 500ms or 5s, from 50ms to 10m`,
	)
}
