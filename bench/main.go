// Command bench measures the generated service beside consumers written by
// hand and other frameworks, on a real Kafka. See README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/bench/contender"
)

// bench is what scenarios need.
type bench struct {
	dir     string // for everything that is made
	self    string // this binary, which runs the contenders
	service string // ours
	fast    string // ours, with the extra of that name
	sender  string // ours, publishing
	readme  string // where tables go; empty is nowhere
	brokers []string
	client  *kgo.Client // fills topics by their messages' keys
	pacer   *kgo.Client // writes single messages to given partitions at once
	admin   *kadm.Client
	filled  map[string]bool
	began   time.Time
	names   int

	rounds   int
	messages int
	full     bool
	profile  string
	only     []string
}

// scenarios are what can be measured, in the order in which it is done.
var scenarios = []struct {
	name  string
	kafka bool // it needs one
	run   func(*bench, context.Context) error
}{
	{"throughput", true, (*bench).throughput},
	{"io", true, (*bench).io},
	{"neighbours", true, (*bench).neighbours},
	{"latency", true, (*bench).latency},
	{"quiet", true, (*bench).quiet},
	{"memory", true, (*bench).memory},
	{"growth", true, (*bench).growth},
	{"publish", true, (*bench).publishing},
	{"watching", true, (*bench).watching},
	{"redrive", true, (*bench).redriving},
	{"jetstream", false, (*bench).jetstream},
	{"kafka-share", true, (*bench).share},
	{"rabbitmq", false, (*bench).rabbitmq},
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "run" {
		exit(contender.Run(os.Args[2]))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exit(run(ctx))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func run(ctx context.Context) error {
	b := &bench{filled: map[string]bool{}, began: time.Now()}
	var names []string
	for _, s := range scenarios {
		names = append(names, s.name)
	}
	flag.StringVar(&b.dir, "dir", "build", "directory for what is made")
	flag.StringVar(&b.readme, "readme", "", "file whose tables are replaced by what is measured")
	flag.IntVar(&b.rounds, "rounds", 3, "runs of each contender, of which the median counts")
	flag.IntVar(&b.messages, "messages", 500_000, "messages of the first scenario")
	flag.BoolVar(&b.full, "full", false, "a handler is stuck for 5 minutes instead of one")
	only := flag.String("only", "", "contenders of the first scenario; empty is all")
	flag.StringVar(&b.profile, "profile", "", "directory for profiles of ours, which are all that is measured then")
	chosen := flag.String("scenarios", strings.Join(names, ","), "what is measured")
	flag.Parse()
	b.only = strings.FieldsFunc(*only, func(r rune) bool { return r == ',' })
	if err := b.prepare(); err != nil {
		return err
	}
	isChosen := func(name string) bool { return slices.Contains(strings.Split(*chosen, ","), name) }
	wantsKafka := b.profile != ""
	for _, s := range scenarios {
		wantsKafka = wantsKafka || s.kafka && isChosen(s.name)
	}
	if wantsKafka {
		stop, err := b.onKafka(ctx)
		defer stop()
		if err != nil {
			return err
		}
	}
	if b.profile != "" {
		return b.profiles(ctx)
	}
	for _, s := range scenarios {
		if isChosen(s.name) {
			b.logf("%s", s.name)
			if err := s.run(b, ctx); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	return nil
}

// prepare makes the directory of what is made.
func (b *bench) prepare() (err error) {
	if b.dir, err = filepath.Abs(b.dir); err != nil {
		return err
	}
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	return os.MkdirAll(b.dir, 0o750)
}

// onKafka compiles what is measured on Kafka and connects to a broker. It returns what
// ends that.
func (b *bench) onKafka(ctx context.Context) (stop func(), err error) {
	stop = func() {}
	if b.service, b.sender, err = buildService(ctx, b.dir); err != nil {
		return stop, err
	}
	if b.fast, _, err = buildService(ctx, filepath.Join(b.dir, "fast"), "--with", "fast"); err != nil {
		return stop, err
	}
	if b.brokers, stop, err = startBroker(ctx, b.dir); err != nil {
		return func() {}, err
	}
	return stop, b.connect()
}

// logf tells how far the benchmark is.
func (b *bench) logf(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%6.1fs  %s\n", time.Since(b.began).Seconds(), fmt.Sprintf(format, args...))
}

// profiles writes profiles of both variants of ours.
func (b *bench) profiles(ctx context.Context) error {
	name, err := b.fill(ctx, topic{b.messages, 1_000, 6})
	if err != nil {
		return err
	}
	var errs []error
	for _, ours := range []string{oursTags, oursMethod} {
		dir, err := filepath.Abs(filepath.Join(b.profile, ours))
		if err != nil {
			return err
		}
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return err
		}
		_, err = b.run(ctx, job{name: ours, topic: name, messages: b.messages, env: []string{"BENCH_PROFILE=" + dir}})
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
