//go:build !jetstream && !rabbitmq

package dev

// ownBroker are settings of the user's own broker.
var ownBroker = map[string]string{"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_USERNAME": "u", "KAFKA_SASL_PASSWORD": "p"}
