//go:build rabbitmq

package dev

// ownBroker are settings of the user's own broker.
var ownBroker = map[string]string{"RABBITMQ_QUEUE_PREFIX": "prod.", "RABBITMQ_PARTITIONS": "3"}
