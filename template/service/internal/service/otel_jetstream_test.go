//go:build jetstream

package service_test

const system, offsetAttribute = "nats", "messaging.nats.sequence" // of spans
