//go:build rabbitmq

package tracing

import (
	attributes "go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// system says which broker it is, as the conventions have it.
var system = semconv.MessagingSystemRabbitMQ

// offset says which of its queue's messages it is, by the number that the consumer gave it.
func offset(at int64) attribute { return attributes.Int64("messaging.rabbitmq.message.number", at) }
