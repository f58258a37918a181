//go:build rabbitmq

package config

import "testing"

// Tests and `make dev` lead a service to queues of their own by what stands behind # in the
// URL. A consumer that has a prefix for itself keeps it, behind that: without it, it would
// take the messages of another.
func TestQueuesOfTestsAreNobodyElsesAndAConsumersItsOwn(t *testing.T) {
	for _, c := range []struct{ url, service, audit, want, wantAudit string }{
		{"amqp://a/", "", "", "", ""},
		{"amqp://a/", "prod.", "", "prod.", "prod."},
		{"amqp://a/", "prod.", "audit.", "prod.", "audit."},
		{"amqp://a/#forge-x.", "prod.", "", "forge-x.", "forge-x."},
		{"amqp://a/#forge-x.", "prod.", "audit.", "forge-x.", "forge-x.audit."},
	} {
		over := map[string]string{"RABBITMQ_URL": c.url, "SERVICE_NAME": "books"}
		cfg, err := load("", over, map[string]string{"RABBITMQ_QUEUE_PREFIX": c.service, "AUDIT_RABBITMQ_QUEUE_PREFIX": c.audit}, nil)
		if err != nil {
			t.Fatal(err)
		}
		audit, err := cfg.Consumer("audit")
		if err != nil {
			t.Fatal(err)
		}
		if got := cfg.Source.QueuePrefix; got != c.want || audit.QueuePrefix != c.wantAudit || audit.Temporary != (c.url != "amqp://a/") {
			t.Errorf("%+v: the prefixes are %q and %q", c, got, audit.QueuePrefix)
		}
	}
}
