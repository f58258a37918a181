// Package conformance is what every source of messages must do, as tests of the whole
// service: they know its broker only by package embedded, which each source has in a
// variant of its own.
//
//	go test ./internal/conformance -v                        on the embedded broker, or the one that there is
//	CONFORMANCE_BROKER=… go test ./internal/conformance      on any other, one test after the other
//	CONFORMANCE_LINE=127.0.0.1:29111,127.0.0.1:29121 …       a Kafka that tells who comes to the second address that it is at the first
//	CONFORMANCE_ROUNDS=50 …                                  so many crashes and cut connections, in the place of 4
package conformance_test
