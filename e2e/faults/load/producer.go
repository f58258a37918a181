// Package load produces what the service under test consumes, and watches from
// outside what becomes of it.
package load

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/e2e/faults/oracle"
)

// Ask is what a message asks the handler to do.
type Ask struct {
	Do    string `json:"do"`
	MS    int    `json:"ms,omitempty"`
	Times int    `json:"times,omitempty"`
	Note  string `json:"note,omitempty"` // that nobody but the handler may see
}

// dead reports whether such a message ends in the dead letters.
func (a Ask) dead() bool {
	switch a.Do {
	case "fail", "plain", "panic", "exhaust", "invalid", "unknown", "garbage", "tombstone":
		return true
	}
	return false
}

// Mixed asks mostly for success at once or soon, sometimes for attempts, and
// sometimes for failure.
func Mixed(r *rand.Rand, _ int) Ask {
	switch n := r.IntN(1000); {
	case n < 600:
		return Ask{Do: "ok"}
	case n < 900:
		return Ask{Do: "slow", MS: 1 + r.IntN(20)}
	case n < 940:
		return Ask{Do: "retry", Times: 2 + r.IntN(2)}
	case n < 969:
		return Ask{Do: "fail"}
	case n < 970: // few: what is handled behind one comes again after a crash
		return Ask{Do: "plain"}
	case n < 980:
		return Ask{Do: "panic"}
	default:
		return Ask{Do: "invalid"}
	}
}

// Producer writes messages and notes which of them the broker acknowledged.
type Producer struct {
	Topic string
	Rate  int                             // a second
	Keys  int                             // how many keys
	Ask   func(r *rand.Rand, key int) Ask // what the next message of a key asks for
	// Place says where a key's messages go; nil is by the key's hash.
	Place func(key int) int32
	// Transactional is the id of transactions, in which all is then sent.
	Transactional string

	client *kgo.Client
	file   *os.File
	wg     sync.WaitGroup
	stop   context.CancelFunc

	mu   sync.Mutex
	sent []oracle.Sent
	log  *bufio.Writer
	seqs map[int]int64
	errs []error
}

// Open connects the producer. What is acknowledged is also written to the file.
func (p *Producer) Open(brokers []string, file string) error {
	var err error
	p.file, err = os.Create(file)
	if err != nil {
		return err
	}
	p.log, p.seqs = bufio.NewWriter(p.file), map[int]int64{}
	return p.Reopen(brokers)
}

// Reopen forgets what the producer knows of the brokers and its topic.
func (p *Producer) Reopen(brokers []string) error {
	if p.client != nil {
		p.client.Close()
	}
	options := []kgo.Opt{
		kgo.SeedBrokers(brokers...), kgo.ProducerLinger(2 * time.Millisecond), kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.RecordPartitioner(partitioner(p.Place)), kgo.MetadataMaxAge(5 * time.Second), kgo.ProducerBatchMaxBytes(1 << 20),
		kgo.RequestTimeoutOverhead(5 * time.Second), kgo.UnknownTopicRetries(-1),
	}
	if p.Transactional != "" {
		options = append(options, kgo.TransactionalID(p.Transactional))
	}
	var err error
	p.client, err = kgo.NewClient(options...)
	return err
}

func partitioner(place func(key int) int32) kgo.Partitioner {
	if place == nil {
		return kgo.StickyKeyPartitioner(nil)
	}
	return kgo.ManualPartitioner()
}

// Run produces until Stop.
func (p *Producer) Run(seed uint64) {
	ctx, cancel := context.WithCancel(context.Background())
	p.stop = cancel
	p.wg.Go(func() {
		r := rand.New(rand.NewPCG(seed, seed)) // #nosec G404 -- the same seed, the same load
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		began, n := time.Now(), 0
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			// A broker that is away must not make the producer fill its memory.
			for due := int(time.Since(began).Seconds() * float64(p.Rate)); n < due; n++ {
				if p.client.BufferedProduceRecords() < 5000 {
					key := r.IntN(p.Keys)
					p.Send(key, p.Ask(r, key))
				}
			}
		}
	})
}

// Send produces one message of a key.
func (p *Producer) Send(key int, ask Ask) {
	p.mu.Lock()
	p.seqs[key]++
	seq := p.seqs[key]
	p.mu.Unlock()
	p.send(key, Envelope(seq, ask), oracle.Sent{Seq: seq, Dead: ask.dead(), Ask: ask.Do})
}

// SendRaw produces a message with any value, which ends in the dead letters or
// does not.
func (p *Producer) SendRaw(key int, seq int64, value []byte, dead bool) {
	p.send(key, value, oracle.Sent{Seq: seq, Dead: dead})
}

func (p *Producer) send(key int, value []byte, s oracle.Sent) {
	s.ID, s.Key, s.Sum = uuid.NewString(), "k"+strconv.Itoa(key), Sum(value)
	record := &kgo.Record{Topic: p.Topic, Key: []byte(s.Key), Value: value, Headers: []kgo.RecordHeader{{Key: "id", Value: []byte(s.ID)}}}
	if p.Place != nil {
		record.Partition = p.Place(key)
	}
	p.client.Produce(context.Background(), record, func(r *kgo.Record, err error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if err != nil {
			p.errs = append(p.errs, fmt.Errorf("key %s seq %d: %w", s.Key, s.Seq, err))
			return
		}
		s.Place, s.Offset, s.At = oracle.Place{Topic: r.Topic, Partition: r.Partition}, r.Offset, time.Now().UnixNano()
		p.sent = append(p.sent, s)
		_, _ = fmt.Fprintf(p.log, "%s %s %d %s %d %d %d %t\n", s.ID, s.Key, s.Seq, s.Place.Topic, s.Place.Partition, s.Offset, s.At, s.Dead)
	})
}

// Transact sends what send sends in a transaction, and commits it or takes it back.
// It returns what was taken back, of which no more is asked.
func (p *Producer) Transact(ctx context.Context, commit bool, send func()) ([]oracle.Sent, error) {
	before := p.Acknowledged()
	if err := p.client.BeginTransaction(); err != nil {
		return nil, err
	}
	send()
	err := errors.Join(p.client.Flush(ctx), p.client.EndTransaction(ctx, kgo.TransactionEndTry(commit)))
	if commit {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	taken := p.sent[before:]
	p.sent = p.sent[:before:before]
	return taken, err
}

// Sum returns a value's checksum.
func Sum(value []byte) string {
	sum := sha256.Sum256(value)
	return hex.EncodeToString(sum[:8])
}

// Envelope returns a message as the service reads it, or as it cannot: an invalid
// one has a sequence number that its model refuses, an unknown one is of a type that
// has no handler, garbage is no JSON, and a tombstone has no value.
func Envelope(seq int64, ask Ask) []byte {
	messageType := "WorkAsked"
	switch ask.Do {
	case "invalid":
		seq = 0
	case "unknown":
		messageType = "WorkForgotten"
	case "garbage":
		return fmt.Appendf(nil, "no JSON \xff %d %s", seq, ask.Note)
	case "tombstone":
		return nil
	}
	type body struct {
		Seq int64 `json:"seq"`
		Ask
	}
	b, err := json.Marshal(struct {
		Header map[string]string `json:"header"`
		Body   body              `json:"body"`
	}{map[string]string{
		"messageType": messageType, "schemaName": messageType, "schemaVersion": "1", "messageId": uuid.NewString(),
		"timestamp": time.Now().UTC().Format(time.RFC3339Nano), "producer": "faults",
	}, body{seq, ask}})
	if err != nil {
		panic(err) // nothing in it can fail
	}
	return b
}

// Acknowledged returns how many messages were acknowledged so far.
func (p *Producer) Acknowledged() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.sent)
}

// Stop ends production, if it runs, and waits until all messages are answered
// or ctx ends. It returns the first errors of those that were refused.
func (p *Producer) Stop(ctx context.Context) error {
	if p.stop != nil {
		p.stop()
	}
	p.wg.Wait()
	err := p.client.Flush(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	const some = 5
	return errors.Join(err, errors.Join(p.errs[:min(some, len(p.errs))]...))
}

// Flush waits until all messages are answered.
func (p *Producer) Flush(ctx context.Context) error { return p.client.Flush(ctx) }

// Refused returns the errors of messages that were refused, and forgets them.
func (p *Producer) Refused() []error {
	p.mu.Lock()
	defer p.mu.Unlock()
	errs := p.errs
	p.errs = nil
	return errs
}

// Close disconnects. Stop comes first.
func (p *Producer) Close() {
	p.client.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = errors.Join(p.log.Flush(), p.file.Close()) // the file is for people
}

// Sent returns the messages that were acknowledged.
func (p *Producer) Sent() []oracle.Sent {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]oracle.Sent(nil), p.sent...)
}
