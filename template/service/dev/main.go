// Command dev runs the service with a Kafka of its own: an embedded broker on
// loopback, the sample messages of dev/samples, the handlers as they are. It
// prints what becomes of each message. Nothing is kept after it ends.
//
//	go run ./dev          run until Ctrl-C
//	go run ./dev -once    end when the samples have met their fate; exit 1 if one met a wrong one
//	go run ./dev -send    send the samples again, to this or any other broker
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/ouroboros-forge/forge/template/service/dev/samples"
)

// started is as near to the start of the process as a program can see.
var started = time.Now()

// patience is how long the samples have to meet their fate.
const patience = 20 * time.Second

// sendPatience is how long a broker has to take them.
const sendPatience = 5 * time.Second

func main() { os.Exit(start()) }

func start() int {
	once := flag.Bool("once", false, "end when the samples have met their fate; exit 1 if one met a wrong one")
	send := flag.Bool("send", false, "send the samples to a running broker and end")
	broker := flag.String("broker", "127.0.0.1:9092", "where -send sends them")
	registry := flag.String("registry", "http://"+usualRegistry, "where -send finds the schemas") //forge:if avro
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal finds nobody to catch it
	all, err := samples.Load()
	switch {
	case err != nil:
	case *send:
		if all, err = samples.Encode(ctx, *registry, all); err != nil { //forge:if avro
			break //forge:if avro
		} //forge:if avro
		err = sendTo(ctx, *broker, all)
	default:
		err = run(ctx, all, *once, newReport(os.Stdout, isTerminal(os.Stdout)))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "dev:", err)
		return 1
	}
	return 0
}

// sendTo sends the samples to a broker that is already there.
func sendTo(ctx context.Context, broker string, all []samples.Sample) error {
	client, err := samples.Dial(broker)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeoutCause(ctx, sendPatience, fmt.Errorf("no Kafka with these topics answers at %s; is `make dev` running?", broker))
	defer cancel()
	sent, err := client.Send(ctx, all)
	if err != nil {
		return cmp.Or(context.Cause(ctx), err)
	}
	for _, s := range sent {
		fmt.Printf("%s  %s\n", s, s.Name)
	}
	return nil
}
