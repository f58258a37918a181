//go:build !jetstream && !rabbitmq

package config

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

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
		for name := range strings.FieldsSeq(s.field.Tag.Get("also")) {
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
