//go:build !jetstream && !rabbitmq

package config

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestRegistryCredentialsThatDoNotFitAreRefused(t *testing.T) {
	for _, tt := range []struct {
		set  string // NAME=value, separated by spaces; SCHEMA_REGISTRY_ is before each
		says string // empty when it is right
	}{
		{"URL=http://a:8081,https://b", ""},
		{"URL=https://a USERNAME=u PASSWORD=hush", ""},
		{"URL=https://a TOKEN=hush", ""},
		{"URL=a:8081", `SCHEMA_REGISTRY_URL="a:8081": must be http:// or https:// URLs`},
		{"URL=http://u:hush@a", "must be http:// or https:// URLs without user"},
		{"FORMAT=xml", "must be one of avro, json"},
		{"USERNAME=u", "SCHEMA_REGISTRY_PASSWORD is not set: must be set with SCHEMA_REGISTRY_USERNAME"},
		{"PASSWORD=hush", "SCHEMA_REGISTRY_USERNAME is not set"},
		{"TOKEN=hush USERNAME=u PASSWORD=hush", "set one of the two"},
		{"URL=http://a KEY=-----BEGIN_PRIVATE_KEY-----", "SCHEMA_REGISTRY_KEY="},
	} {
		settings := least()
		for pair := range strings.FieldsSeq(tt.set) {
			name, value, _ := strings.Cut(pair, "=")
			settings["SCHEMA_REGISTRY_"+name] = value
		}
		cfg, err := FromMap(settings, nil)
		switch {
		case tt.says == "" && err != nil:
			t.Errorf("%s: %v", tt.set, err)
		case tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)):
			t.Errorf("%s: %v, want %s", tt.set, err, tt.says)
		}
		if err == nil && strings.Contains(fmt.Sprintf("%+v", cfg), "hush") || err != nil && strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: a secret is shown: %v %v", tt.set, cfg, err)
		}
	}
}

func TestOfRegistry(t *testing.T) {
	_, err := FromMap(map[string]string{"SCHEMA_REGISTRY_URL": "http://a"}, nil)
	if err == nil || OfRegistry(err) != nil {
		t.Errorf("%v, left %v", err, OfRegistry(err))
	}
	_, err = FromMap(map[string]string{"SCHEMA_REGISTRY_URL": "a"}, nil)
	if left := OfRegistry(err); left == nil || strings.Contains(left.Error(), "KAFKA") {
		t.Errorf("left %v", left)
	}
	inDir(t, ".env", "KAFKA_BOOTSTRAP_SERVERS='no port'")
	_, err = load("", nil, nil, nil) // stands behind its place
	if err == nil || OfRegistry(err) != nil {
		t.Errorf("%v, left %v", err, OfRegistry(err))
	}
	_, err = load("", map[string]string{"CONFIG_FILE": "missing.yaml"}, least(), nil)
	if left := OfRegistry(err); left == nil || !strings.Contains(left.Error(), "missing.yaml") {
		t.Errorf("left %v, want that the file with the registry's settings is missing", left)
	}
	if err := errors.New("other"); OfRegistry(err) != err { //nolint:errorlint // the very same
		t.Error("it takes away what is no problem of a setting")
	}
}
