// Package dev runs a service on an embedded broker with sample messages, and
// prints what becomes of them.
package dev

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/embedded"
	"github.com/ouroboros-forge/forge/template/service/internal/samples"
	"github.com/ouroboros-forge/forge/template/service/internal/service"
)

// Main does what the command line asks for and exits. The samples are the files
// samples/*.json.
func Main[S any](name string, build service.Build[S], files fs.FS) {
	once := flag.Bool("once", false, "end when all samples are done; exit 1 if one ended otherwise than expected")
	send := flag.Bool("send", false, "send the samples to a running broker and end")
	broker := flag.String("broker", fmt.Sprintf("127.0.0.1:%d", usualPort), "where -send sends them")
	registry := flag.String("registry", fmt.Sprintf("http://127.0.0.1:%d", usualRegistryPort), "where -send finds the schemas") //forge:if avro
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)       // restores the default handler, so that a second signal kills the process
	dir, _ := fs.Sub(files, "samples") // it is a valid path
	all, err := samples.Load(dir)
	switch {
	case err != nil:
	case *send:
		if all, err = samples.Encode(ctx, *registry, nil, all); err != nil { //forge:if avro
			break //forge:if avro
		} //forge:if avro
		err = sendTo(ctx, *broker, all)
	default:
		err = run(ctx, name, build, all, *once, newReport(os.Stdout, isTerminal(os.Stdout)))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "dev:", err)
		os.Exit(1)
	}
}

// sendTo sends the samples to a broker that is already there.
func sendTo(ctx context.Context, broker string, all []samples.Sample) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 5*time.Second, fmt.Errorf("no Kafka with these topics answers at %s; is `make dev` running?", broker))
	defer cancel()
	records := samples.Records(all)
	if err := embedded.Send(ctx, broker, records...); err != nil {
		return cmp.Or(context.Cause(ctx), err)
	}
	for i, r := range records {
		fmt.Printf("%s/%d@%d  %s\n", r.Topic, r.Partition, r.Offset, all[i].Name)
	}
	return nil
}
