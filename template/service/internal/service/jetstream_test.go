//go:build jetstream

package service_test

import (
	"hash/fnv"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/embedded"
)

const (
	groupID     = "JETSTREAM_GROUP" // the setting that names a consumer's group
	firstOffset = 1                 // of a topic
)

// startBroker starts a broker with the topic accounts and returns where it is.
func startBroker(t *testing.T) string {
	t.Helper()
	broker, stop, err := embedded.Start(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	if err := embedded.CreateTopics(t.Context(), broker, "accounts"); err != nil {
		t.Fatal(err)
	}
	return broker
}

// partitionOf returns the partition in which a client puts a key.
func partitionOf(t *testing.T, key string) int32 {
	t.Helper()
	h := fnv.New32a()
	_, _ = h.Write([]byte(key))
	return int32(h.Sum32() % embedded.Partitions)
}
