package config

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

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

// What a program reads from a file of its own, JSON say, is a map too.
func TestFromMapTakesWhatJSONBecomes(t *testing.T) {
	var settings map[string]any
	text := `{"bootstrap.servers": ["a:1"], "group.id": "payments", "max_workers": 12, "audit_max_workers": 1}`
	if err := json.Unmarshal([]byte(text), &settings); err != nil {
		t.Fatal(err)
	}
	cfg, err := FromMap(settings, nil)
	if err != nil {
		t.Fatal(err)
	}
	if audit, err := cfg.Consumer("audit"); err != nil || cfg.Source.MaxWorkers != 12 || audit.MaxWorkers != 1 {
		t.Errorf("%d and %d workers, %v", cfg.Source.MaxWorkers, audit.MaxWorkers, err)
	}
}

func TestTheNamesOfKafkasClientsAreOfOneSettingEach(t *testing.T) {
	seen := make(map[string]bool)
	for _, s := range Settings(new(Config)) {
		for name := range strings.FieldsSeq(s.field.Tag.Get("kafka")) {
			if seen[name] {
				t.Errorf("%s is there twice", name)
			}
			seen[name] = true
			isDuration := s.value.Type() == reflect.TypeFor[time.Duration]()
			if isDuration != strings.HasSuffix(name, ".ms") {
				t.Errorf("%s is %s: both must be times, or neither", name, s.Name)
			}
			if strings.HasSuffix(name, ".location") && !s.File {
				t.Errorf("%s is %s, which no file may hold", name, s.Name)
			}
		}
	}
	if len(seen) < 25 {
		t.Errorf("only %d names", len(seen))
	}
}
