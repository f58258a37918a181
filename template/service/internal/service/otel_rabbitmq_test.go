//go:build rabbitmq

package service_test

const system, offsetAttribute = "rabbitmq", "messaging.rabbitmq.message.number" // of spans
