//go:build !jetstream && !rabbitmq

package conformance_test

// missedSoon are settings by which one that is killed is missed soon.
var missedSoon = []string{"KAFKA_SESSION_TIMEOUT=6s"}
