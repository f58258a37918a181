//go:build !jetstream && !rabbitmq

package config

// Source is where messages come from, and where events go.
type Source = Kafka
