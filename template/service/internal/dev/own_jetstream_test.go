//go:build jetstream

package dev

// ownBroker are settings of the user's own broker.
var ownBroker = map[string]string{"NATS_USER": "u", "NATS_PASSWORD": "p", "JETSTREAM_DELIVER": "new", "JETSTREAM_REPLICAS": "3"}
