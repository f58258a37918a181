//go:build jetstream

package tracing

import (
	attributes "go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// system says which broker it is; the conventions have no word for this one.
var system = semconv.MessagingSystemKey.String("nats")

// offset says where in its stream a message is.
func offset(at int64) attribute { return attributes.Int64("messaging.nats.sequence", at) }
