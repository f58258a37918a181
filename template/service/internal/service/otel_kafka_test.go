//go:build !jetstream && !rabbitmq

package service_test

const system, offsetAttribute = "kafka", "messaging.kafka.offset" // of spans
