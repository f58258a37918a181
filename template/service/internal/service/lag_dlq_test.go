//go:build !jetstream && !rabbitmq

package service_test

import (
	"slices"
	"strings"
	"testing"
)

// TestLagIsPrintedByPartition proves it, and that without a broker, which is named, the lag
// is no number.
func TestLagIsPrintedByPartition(t *testing.T) {
	c := startKafka(t, 0) // accounts has three partitions
	code, stdout, stderr := say(t, map[string]string{"KAFKA_BOOTSTRAP_SERVERS": c.ListenAddrs()[0]}, "lag", "--config", "settings.yaml")
	want := []string{"GROUP TOPIC PARTITION COMMITTED END LAG", "from-yaml accounts 0 - 0 0", "from-yaml accounts 1 - 0 0", "from-yaml accounts 2 - 0 0", "from-yaml all 0"}
	var got []string
	for line := range strings.Lines(stdout) {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	if code != 0 || stderr != "" || !slices.Equal(got, want) {
		t.Errorf("code %d, %q, %s", code, got, stderr)
	}
	code, stdout, stderr = say(t, map[string]string{"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}, "--config", "settings.yaml", "lag")
	if code != 1 || !strings.Contains(stderr, "127.0.0.1:1") || !strings.HasSuffix(stdout, " unknown\n") {
		t.Errorf("without a broker: code %d, %s%s", code, stdout, stderr)
	}
}
