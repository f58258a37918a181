// Package kafka is the service's only door to Kafka: the consumer that feeds the
// engine, the publisher, the dead letters, and the settings of their clients.
//
// Publishing uses franz-go's kgo, which keeps the order of a partition when a message
// fails, deduplicates its retries and bounds what it holds.
package kafka
