// Package kafka is the service's only door to Kafka: the consumer that feeds the
// engine, the publisher, the dead letters, and the settings of their clients.
//
// There are two clients. Consuming uses sarama, whose sessions and claims are what
// the engine's lanes are made of. Publishing uses franz-go's kgo, because sarama's
// producer loses the order of all partitions when one message fails
// (IBM/sarama#2619), and kgo keeps it, deduplicates its retries and bounds what it
// holds.
package kafka
