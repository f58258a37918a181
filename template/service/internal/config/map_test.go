package config

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestFromMapTakesValuesOfGo(t *testing.T) {
	three := 3
	cfg, err := FromMap(map[string]any{
		"bootstrap.servers":      []string{"a:1", "b:2"},
		"KAFKA_GROUP_ID":         "payments",
		"kafka_max_workers":      &three,
		"session.timeout.ms":     30_000,
		"heartbeat.interval.ms":  2 * time.Second,
		"kafka_drain_timeout":    5 * time.Second,
		"kafka_max_poll_records": float64(1e6), // a number of JSON
		"kafka_max_poll_bytes":   uint32(2048),
		"enable.auto.commit":     false,
		"kafka_client_id":        nil,
		"security.protocol":      "SASL_SSL",
		"sasl.username":          []byte("u"),
		"sasl.password":          Secret("hunter2"),
	})
	if err != nil {
		t.Fatal(err)
	}
	k := cfg.Kafka
	if strings.Join(k.Brokers, "|") != "a:1|b:2" || k.GroupID != "payments" || k.MaxWorkers != 3 || k.SessionTimeout != 30*time.Second ||
		k.HeartbeatInterval != 2*time.Second || k.DrainTimeout != 5*time.Second || k.MaxPollRecords != 1e6 || k.MaxPollBytes != 2048 ||
		k.SASLUsername != "u" || string(k.SASLPassword) != "hunter2" {
		t.Errorf("settings %+v", k)
	}
}

func TestFromMapTellsEveryProblemAtOnce(t *testing.T) {
	_, err := FromMap(map[string]any{
		"bootstrap.servers":   "localhost",
		"KAFKA_BROKERS":       "a:1",
		"kafka_max_workers":   1.5,
		"session.timeout.ms":  true,
		"kafka_sasl_username": struct{ A string }{"hunter2"},
		"kafka_ordering":      []any{"key"},
		"log_level":           map[string]string{"a": "hunter2"},
		"config_file":         "x.yaml",
		"consumers":           map[string]any{"audit": map[string]int{"kafka_max_workers": 0}, "billing": nil, "bill": 1},
	}, "audit", "bill")
	want := `KAFKA_BROKERS is no setting
config_file names the file to read: set it in the environment, in .env or by --config
consumers.bill must be settings, each with its value
consumers.billing: the service has no consumer "billing"; it has audit, bill
kafka_ordering must be one value
kafka_sasl_username must be text, a number, true or false, a duration, or a list of these
log_level must be one value
kafka_max_workers="1.5": must be a whole number from 1 to 100000
session.timeout.ms="true": must be a whole number of milliseconds from 1000 to 1800000
bootstrap.servers="localhost": must be host:port, several separated by commas
KAFKA_GROUP_ID is not set: must be printable, at most 249 bytes (an example of all settings is in .env.example)
consumers.audit.kafka_max_workers="0": must be a whole number from 1 to 100000`
	if got := problemsOf(t, err); got != want {
		t.Errorf("problems:\n%s\nwant:\n%s", got, want)
	}
}

// What a program reads from a file of its own, JSON say, is a map too.
func TestFromMapTakesWhatJSONBecomes(t *testing.T) {
	var settings map[string]any
	text := `{"bootstrap.servers": ["a:1"], "group.id": "payments", "kafka_max_workers": 12, "consumers": {"audit": {"kafka_max_workers": 1}}}`
	if err := json.Unmarshal([]byte(text), &settings); err != nil {
		t.Fatal(err)
	}
	cfg, err := FromMap(settings, "audit")
	if err != nil || cfg.Kafka.MaxWorkers != 12 || cfg.Consumer("audit").MaxWorkers != 1 {
		t.Errorf("%d workers, %v", cfg.Kafka.MaxWorkers, err)
	}
}

func TestKafkaNamesAreOfSettingsThatThereAre(t *testing.T) {
	r := newReader(nil)
	seen := make(map[string]bool)
	for variable, names := range kafkaNames {
		f, ok := r.known[variable]
		if !ok {
			t.Errorf("%s is %q, which is no setting", names, variable)
			continue
		}
		for _, name := range names {
			if seen[name] {
				t.Errorf("%s is there twice", name)
			}
			seen[name] = true
			if _, both := r.known[strings.ToUpper(name)]; both {
				t.Errorf("%s is a name of the service's own too", name)
			}
			isDuration := f.value.Type() == reflect.TypeFor[time.Duration]()
			if isDuration != strings.HasSuffix(name, millis) {
				t.Errorf("%s is %s: both must be times, or neither", name, variable)
			}
			if strings.HasSuffix(variable, fileSuffix) != strings.HasSuffix(name, ".location") {
				t.Errorf("%s is %s: both must name a file, or neither", name, variable)
			}
		}
	}
}

func TestSettingsOfAConsumerAreThoseOfKafka(t *testing.T) {
	var cfg Config
	ofKafka := make(map[string]bool)
	for f := range kafkaFields(&cfg.Kafka) {
		ofKafka[f.Name] = true
	}
	for _, s := range Settings() {
		if ofKafka[s.Name] != strings.HasPrefix(s.Name, kafkaPrefix) {
			t.Errorf("%s: a consumer takes for its own what begins with %s", s.Name, kafkaPrefix)
		}
	}
}
