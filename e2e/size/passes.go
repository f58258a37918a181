package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/internal/answers"
)

var errEnded = errors.New("the service ended")

// function is a declared function; what it declares inside counts as part of it.
type function struct{ file, name string }

func filesOf(functions []function) map[string]bool {
	files := make(map[string]bool)
	for _, f := range functions {
		files[f.file] = true
	}
	return files
}

const (
	partitions = 6
	warmUp     = 5                // messages that are sent first, so that what runs once has run
	messages   = 20               // messages that are measured; each is sent when the one before is committed
	patience   = 60 * time.Second // for the service to do what it is waited for
)

// passes returns the functions of the project in dir that a handled message
// passes, from the broker to the commit. It runs the service twice, once with
// some messages more, and takes the functions with a block that ran once more for
// each of them. Each message has a commit of its own, so what commits is passed
// too, with what a client calls back for each answer: franz-go asks for the delay
// before a retry whether there is one or not.
func passes(ctx context.Context, dir string, a answers.Answers) ([]function, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*patience)
	defer cancel()
	binary := filepath.Join(dir, "bin", "measured")
	if _, err := run(ctx, dir, "go", "build", "-cover", "-covermode=atomic", "-coverpkg="+a.Module+"/...", "-o", binary, "."); err != nil {
		return nil, err
	}
	var took time.Duration
	busy, err := blocks(ctx, dir, binary, a, func(ctx context.Context, client *kgo.Client) error {
		defer func(began time.Time) { took = time.Since(began) }(time.Now())
		return handleMessages(ctx, dir, client, a, messages)
	})
	if err != nil {
		return nil, err
	}
	// What a clock runs must not look as if it ran for the messages.
	idle, err := blocks(ctx, dir, binary, a, func(ctx context.Context, _ *kgo.Client) error {
		select {
		case <-time.After(took + took/2):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	if err != nil {
		return nil, err
	}
	found := make(map[function]bool)
	for at, n := range busy {
		if n-idle[at] >= messages {
			f, err := at.function(dir)
			if err != nil {
				return nil, err
			}
			found[f] = true
		}
	}
	return slices.SortedFunc(maps.Keys(found), func(a, b function) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.name, b.name))
	}), nil
}

// blocks runs the service on an embedded Kafka until f returns, and returns how
// often each block of the project ran.
func blocks(ctx context.Context, dir, binary string, a answers.Answers, f func(context.Context, *kgo.Client) error) (map[block]int, error) {
	topic := a.Topics[0]
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, topic, topic+".dlq"))
	if err != nil {
		return nil, err
	}
	defer cluster.Close()
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	kafka := kadm.NewClient(client)

	data, err := os.MkdirTemp(filepath.Dir(dir), "coverage-")
	if err != nil {
		return nil, err
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	var log bytes.Buffer
	service := exec.CommandContext(ctx, binary)
	service.Dir, service.Stdout, service.Stderr = dir, &log, &log
	service.Env = append(os.Environ(), "GOCOVERDIR="+data, "OPS_ADDR=127.0.0.1:"+port,
		"KAFKA_BOOTSTRAP_SERVERS="+cluster.ListenAddrs()[0], "KAFKA_GROUP_ID="+a.Group, "COMMIT_INTERVAL=100ms")
	if err := service.Start(); err != nil {
		return nil, err
	}
	running, ended := context.WithCancelCause(ctx)
	go func() { ended(cmp.Or(service.Wait(), errEnded)) }()
	err = until(running, "the group has its partitions", func() (bool, error) {
		groups, err := kafka.DescribeGroups(running, a.Group)
		group := groups[a.Group]
		return err == nil && group.State == "Stable" && len(group.AssignedPartitions()[topic]) == partitions, nil
	})
	if err == nil {
		err = handleMessages(running, dir, client, a, warmUp)
	}
	if err == nil {
		err = f(running, client)
	}
	_ = service.Process.Signal(syscall.SIGTERM) // an error says that it has ended
	<-running.Done()
	if end := context.Cause(running); err != nil || !errors.Is(end, errEnded) {
		return nil, fmt.Errorf("%w\n%s", errors.Join(err, end), log.String())
	}
	profile := filepath.Join(data, "profile")
	if _, err := run(ctx, dir, "go", "tool", "covdata", "textfmt", "-i", data, "-o", profile); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(profile)
	if err != nil {
		return nil, err
	}
	return parseProfile(string(text), a.Module)
}

// handleMessages sends n messages that the service handles, one after the other.
func handleMessages(ctx context.Context, dir string, client *kgo.Client, a answers.Answers, n int) error {
	topic := a.Topics[0]
	value, err := sample(filepath.Join(dir, "dev", "samples", answers.NamesOf(topic).File+".json"))
	if err != nil {
		return err
	}
	kafka := kadm.NewClient(client)
	for i := range n {
		record := &kgo.Record{Topic: topic, Key: []byte(strconv.Itoa(i)), Value: value}
		if err := client.ProduceSync(ctx, record).FirstErr(); err != nil {
			return err
		}
		err := until(ctx, "message "+strconv.Itoa(i)+" is committed", func() (bool, error) {
			offsets, err := kafka.FetchOffsets(ctx, a.Group)
			offset, _ := offsets.Lookup(topic, record.Partition)
			return offset.At > record.Offset, err
		})
		if err != nil {
			return err
		}
	}
	ends, err := kafka.ListEndOffsets(ctx, topic+".dlq")
	if err != nil {
		return err
	}
	dead := 0
	ends.Each(func(o kadm.ListedOffset) { dead += int(o.Offset) })
	if dead > 0 {
		return fmt.Errorf("%d of %d messages became dead letters", dead, n)
	}
	return nil
}

// sample returns the first message of a file of samples that is handled.
func sample(file string) ([]byte, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var samples struct {
		Samples []struct {
			Expect string
			Value  json.RawMessage
		}
	}
	if err := json.Unmarshal(text, &samples); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for _, s := range samples.Samples {
		if s.Expect == "handled" {
			return s.Value, nil
		}
	}
	return nil, fmt.Errorf("%s has no message that is handled", file)
}

// until asks again and again until the answer is yes.
func until(ctx context.Context, what string, ask func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		if ok, err := ask(); err != nil || ok {
			return err
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("waiting until %s: %w", what, ctx.Err())
		}
	}
}

func freePort(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

// block is a part of a file, as a coverage profile names it.
type block struct {
	file string // relative to the project
	line int    // where it begins
	col  int
}

// parseProfile reads a coverage profile: FILE:LINE.COL,LINE.COL STATEMENTS COUNT.
func parseProfile(text, module string) (map[block]int, error) {
	counts := make(map[block]int)
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "mode:") || line == "" {
			continue
		}
		file, rest, ok := strings.Cut(strings.TrimPrefix(line, module+"/"), ":")
		fields := strings.Fields(rest)
		if !ok || len(fields) != 3 {
			return nil, fmt.Errorf("a coverage profile with the line %q", line)
		}
		b := block{file: file}
		if _, err := fmt.Sscanf(fields[0], "%d.%d,", &b.line, &b.col); err != nil {
			return nil, fmt.Errorf("a coverage profile with the line %q: %w", line, err)
		}
		n, err := strconv.Atoi(fields[2])
		if err != nil {
			return nil, fmt.Errorf("a coverage profile with the line %q: %w", line, err)
		}
		counts[b] = n
	}
	return counts, nil
}

// function returns the function that a block is in.
func (b block) function(dir string) (function, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, filepath.Join(dir, filepath.FromSlash(b.file)), nil, parser.SkipObjectResolution)
	if err != nil {
		return function{}, err
	}
	for _, decl := range file.Decls {
		d, ok := decl.(*ast.FuncDecl)
		if !ok || fset.Position(d.End()).Line < b.line || fset.Position(d.Pos()).Line > b.line {
			continue
		}
		name := d.Name.Name
		if d.Recv != nil {
			name = receiver(d.Recv.List[0].Type) + "." + name
		}
		return function{b.file, name}, nil
	}
	return function{b.file, "(variable)"}, nil // a function literal outside of functions
}

// receiver names a receiver's type.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	default:
		return "?"
	}
}
