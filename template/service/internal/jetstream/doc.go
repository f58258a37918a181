// Package jetstream takes messages from NATS JetStream for the engine, and publishes.
//
//	connection.go    a connection that is made again for ever, and why there is none
//	streams.go       topics as streams: partitions are subjects
//	message.go       messages as they lie in a stream
//	consumer.go      Consumer: Run, readiness, lag
//	subscription.go  takes what one durable consumer has
//	handover.go      from one lane to the next, in this instance or another
//	claim.go         what the engine says of a lane's messages, on its way to the server
//	publisher.go     what the publisher writes by: in order by key, tried again, without doubles
package jetstream
