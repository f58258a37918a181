// Package kafka is the service's only door to Kafka: the consumer that feeds the
// engine, the publisher, the dead letters, and the settings of their clients, which are
// franz-go's kgo.
package kafka
