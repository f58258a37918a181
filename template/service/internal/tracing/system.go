//go:build !jetstream && !rabbitmq

package tracing

import semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

// system says which broker it is, as the conventions have it.
var system = semconv.MessagingSystemKafka

// offset says where in its partition a message is.
func offset(at int64) attribute { return semconv.MessagingKafkaOffset(int(at)) }
