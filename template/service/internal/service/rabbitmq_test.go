//go:build rabbitmq

package service_test

import (
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/embedded"
)

const (
	groupID = "SERVICE_NAME" // the setting that names a consumer
)

// startBroker returns where the broker is, with the topic accounts.
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
