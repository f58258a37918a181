package main

import (
	"fmt"
	"strings"

	"github.com/ouroboros-forge/forge/template/service/dev/samples"
)

// begin prints where everything is.
func (r *report) begin(kafka *broker, s *service) {
	topics := fmt.Sprintf("%s (%d partitions), %s.dlq", s.topics[0], partitions, s.topics[0])
	if len(s.topics) > 1 {
		topics = fmt.Sprintf("%s (%d partitions each), each with its .dlq", strings.Join(s.topics, ", "), partitions)
	}
	for _, topic := range s.topics {
		r.place = max(r.place, len(topic)+len("/0@0"))
	}
	instead := ""
	if !kafka.usual() {
		instead = fmt.Sprintf(", because %d is taken", usualPort)
	}
	fmt.Fprintf(r.w, "kafka  embedded on %s%s · %s\n", kafka.addr, instead, topics)
	fmt.Fprintf(r.w, "schema %s\n", kafka.registry.url) //forge:if avro
	fmt.Fprintf(r.w, "web    %s\n", s.door.paths())     //forge:if http
	fmt.Fprintf(r.w, "ops    http://%s/readyz · /livez · /metrics\n\n", s.ops.Addr())
}

// met prints that every sample met its fate.
func (r *report) met(sent []samples.Sent) {
	dead := 0
	for _, s := range sent {
		if s.Expect == samples.DeadLetter {
			dead++
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.w, "\n%d samples met the fate they expect: %d handled, %d dead letters, all committed\n", len(sent), len(sent)-dead, dead)
	if r.first > 0 {
		fmt.Fprintln(r.w, r.paint(dim, "first message handled "+short(r.first)+" after the start"))
	}
}

// next prints where to look next.
func (r *report) next(kafka *broker, s *service) {
	send := "make send"
	if !kafka.usual() {
		send = "go run ./dev -send -broker " + kafka.addr
	}
	send = kafka.registry.send(send) //forge:if avro
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.w, `
what to do with a message   handlers/, then Ctrl-C and make dev
what a message looks like   models/
send more                   edit dev/samples/, then in another terminal: %s
                            or any Kafka client on %s
look inside                 curl http://%s/metrics
read on                     README.md

`, send, kafka.addr, s.ops.Addr())
}

// wrong prints what is not as expected.
func (r *report) wrong(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.w, "\n%s\n\nwhat each sample expects is in dev/samples/\n\n", r.paint(red, err.Error()))
}

// end prints the last line.
func (r *report) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintln(r.w, r.paint(dim, "stopped; everything handled is committed"))
}
