// Package rabbitmq is the service's only door to RabbitMQ: the consumer that feeds
// the engine, the publisher, and the queues of topics and dead letters.
//
// A topic is a quorum queue of its name. With RABBITMQ_PARTITIONS above 1 it is a
// consistent-hash exchange of its name, and a queue NAME-0, NAME-1, … for each
// partition. A lane of the engine is one queue, consumed on one channel: a message is
// acknowledged only on the channel that it came on, and when that is gone the lane is
// lost, and its messages come again. Unless ORDERING is none, each queue has one active
// consumer at a time, so that the order holds over all instances.
package rabbitmq
