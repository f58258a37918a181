//go:build avro

package service

import (
	"os"
	"strings"
	"testing"
)

// Schemas are exported and checked without any setting: a build has none.
func TestSchemaCommandNeedsNoKafka(t *testing.T) {
	code, stdout, stderr := say(t, nil, "schema", "export")
	if code != 0 || !strings.Contains(stdout, "schemas/") {
		t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
	if files, err := os.ReadDir("schemas"); err != nil || len(files) == 0 {
		t.Errorf("%v, %v", files, err)
	}
	settings := map[string]string{"SCHEMA_REGISTRY_URL": registryURL(t)}
	for range 2 {
		if code, stdout, stderr := say(t, settings, "schema", "register"); code != 0 || !strings.Contains(stdout, "registered with the id 1") {
			t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
		}
	}
	if code, _, stderr := say(t, map[string]string{"SCHEMA_REGISTRY_URL": "no-url"}, "schema", "check"); code != 2 || !strings.Contains(stderr, "SCHEMA_REGISTRY_URL") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
}
