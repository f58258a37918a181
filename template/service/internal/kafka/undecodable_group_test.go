package kafka

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// produceBomb writes a batch to partition 0 that becomes some 80 MB when it is read. Its
// last records are those given.
func produceBomb(t *testing.T, c *kfake.Cluster, last ...*kgo.Record) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.ProducerBatchCompression(kgo.ZstdCompression()), kgo.ProducerBatchMaxBytes(1<<30),
		kgo.BrokerMaxWriteBytes(1<<30), kgo.MaxBufferedBytes(1<<30), kgo.ManualFlushing(), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	value := slices.Concat(envelopes(t, 3, 4)[0], bytes.Repeat([]byte(" "), 900<<10))
	var records []*kgo.Record
	for range 90 {
		records = append(records, &kgo.Record{Topic: "payments", Key: []byte("k"), Value: value})
	}
	for _, r := range append(records, last...) {
		client.Produce(t.Context(), r, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	if err := client.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A batch that nobody can decode stands in nobody's way but that of what comes after it
// in its partition, and is handled when it can be, or passed over when it is deleted. No
// session ends for it, whatever the strategy.
func TestABatchThatCannotBeDecoded(t *testing.T) {
	t.Parallel()
	for _, strategy := range []string{"sticky", "cooperative-sticky"} {
		t.Run(strategy, func(t *testing.T) {
			t.Parallel()
			c := startCluster(t, topicOf(3))
			produce(t, c, 0, envelopes(t, 0, 3)...)
			produceBomb(t, c)
			produce(t, c, 1, envelopes(t, 0, 5)...)
			cfg := settings(t, c, "MAX_BUFFER_BYTES", "1048576", "KAFKA_REBALANCE_STRATEGY", strategy)
			r := consume(t, cfg, succeed, "payments")
			eventually(t, "what is before it and beside it is handled", func() bool { return r.handledOf(0) == 3 && r.handledOf(1) == 5 })
			first := r.session.Load()
			eventually(t, "it says which and why", func() bool {
				err := r.Ready()
				return err != nil && strings.Contains(err.Error(), "payments/0: the batch at offset 3 cannot be decoded") && strings.Contains(err.Error(), "MAX_BUFFER_BYTES")
			})
			produce(t, c, 2, envelopes(t, 0, 5)...)
			eventually(t, "other partitions go on", func() bool { return r.handledOf(2) == 5 })
			eventually(t, "committed up to it", func() bool { return committed(t, c, 0) == 3 })

			produce(t, c, 0, envelopes(t, 5, 7)...)
			if err := c.DeleteRecords("payments", 0, 93); err != nil {
				t.Fatal(err)
			}
			eventually(t, "what is after it is handled", func() bool { return r.handledOf(0) == 5 })
			eventually(t, "ready", func() bool { return r.Ready() == nil })
			if r.session.Load() != first {
				t.Error("the session ended")
			}
			if err := r.stop(); err != nil {
				t.Fatal(err)
			}
			if at := committed(t, c, 0); at != 95 {
				t.Errorf("committed %d, want 95", at)
			}
		})
	}
}

// With the limit raised, the batch is handled.
func TestABatchThatIsLargeIsHandledWithinTheLimit(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	produceBomb(t, c)
	r := consume(t, settings(t, c), succeed, "payments")
	r.await(t, engine.Handled, 90)
}

// A checksum that is wrong for a while, and a codec that is unknown: as above, and the
// batch is handled once it is right, in its order.
func TestABatchThatIsDamagedForAWhile(t *testing.T) {
	t.Parallel()
	for what, harm := range map[string]func([]byte){
		"checksum": func(batch []byte) { batch[17] ^= 1 },
		"codec": func(batch []byte) {
			batch[22] |= 6
			binary.BigEndian.PutUint32(batch[17:], crc32.Checksum(batch[21:], crc32.MakeTable(crc32.Castagnoli)))
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			damage := &damaging{harm: harm}
			c := startCluster(t, topicOf(2), kfake.ListenFn(damage.listen))
			for n := range 3 {
				produce(t, c, 0, envelopes(t, n, n+1)...)
			}
			produce(t, c, 1, envelopes(t, 0, 1)...)
			damage.on.Store(true)
			var order []int
			r := consume(t, settings(t, c, "ORDERING", "partition"), func(_ context.Context, m message.Of[payment]) error {
				if m.Partition == 0 {
					order = append(order, m.Body.N)
				}
				return nil
			}, "payments")
			eventually(t, "what is before it and beside it is handled", func() bool { return r.handledOf(0) == 1 && r.handledOf(1) == 1 })
			first := r.session.Load()
			eventually(t, "not ready", func() bool { return r.Ready() != nil && strings.Contains(r.Ready().Error(), "payments/0") })
			damage.on.Store(false)
			eventually(t, "handled", func() bool { return r.handledOf(0) == 3 })
			eventually(t, "ready", func() bool { return r.Ready() == nil })
			if r.session.Load() != first {
				t.Error("the session ended")
			}
			if err := r.stop(); err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(order); got != "[0 1 2]" {
				t.Errorf("handled %s", got)
			}
		})
	}
}

// damaging is a network that damages the batch that begins at offset 1, while on is set.
type damaging struct {
	on   atomic.Bool
	harm func(batch []byte)
}

type damagingListener struct {
	net.Listener
	*damaging
}

type damagedConn struct {
	net.Conn
	*damaging
}

func (d *damaging) listen(network, address string) (net.Listener, error) {
	l, err := net.Listen(network, address)
	return damagingListener{l, d}, err
}

func (l damagingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return damagedConn{c, l.damaging}, nil
}

func (c damagedConn) Write(answer []byte) (int, error) {
	if c.on.Load() {
		answer = bytes.Clone(answer)
		for at := 0; at+61 < len(answer); at++ { // a batch's header has 61 bytes
			batch := answer[at:]
			size := int64(binary.BigEndian.Uint32(batch[8:])) + 12
			if binary.BigEndian.Uint64(batch) == 1 && batch[16] == 2 && size > 61 && size <= int64(len(batch)) {
				c.harm(batch[:size])
			}
		}
	}
	return c.Conn.Write(answer)
}

// A claim that fetches alone pauses as others do, and goes on afterwards.
func TestAClaimThatFetchesAlonePauses(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(2))
	produceBomb(t, c)
	var fetches atomic.Int64
	c.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		fetches.Add(1)
		return nil, nil, false
	})
	release := make(chan struct{})
	r := consume(t, settings(t, c, "MAX_POLL_RECORDS", "10"), func(context.Context, message.Of[payment]) error { <-release; return nil }, "payments")
	eventually(t, "paused", func() bool { return r.Stats().Records == 90 && r.Stats().Paused == 1 })
	produce(t, c, 0, envelopes(t, 0, 100)...)
	before := fetches.Load()
	eventually(t, "others are fetched", func() bool { return fetches.Load() > before+20 })
	if got := r.Stats().Records; got != 90 {
		t.Errorf("it holds %d messages while it is paused, want 90", got)
	}
	close(release)
	r.await(t, engine.Handled, 190)
}

// Who looks for gaps reads no larger batch than the claim's own fetches do.
func TestWhoLooksForGapsDecodesWithinTheLimit(t *testing.T) {
	t.Parallel()
	for limit, fits := range map[string]bool{"1048576": false, "134217728": true} {
		c := startCluster(t, topicOf(1))
		r := consume(t, settings(t, c, "MAX_BUFFER_BYTES", limit), succeed, "payments")
		eventually(t, "a claim", func() bool { s := r.session.Load(); return s != nil && len(liveClaims(s)) == 1 })
		s := r.session.Load()
		produceBomb(t, c)
		_, isMessage, err := s.nextMessage(t.Context(), liveClaims(s)[0], 0, 1)
		if isMessage != fits || errors.Is(err, kgo.ErrMaxDecompress) == fits {
			t.Errorf("limit %s: found %v, %v, want what is within the limit: %v", limit, isMessage, err, fits)
		}
	}
}

// Only what may be of a batch makes a claim doubt that sarama can decode it.
func TestWhatMakesAClaimDoubtABatch(t *testing.T) {
	t.Parallel()
	_, gzipErr := gzip.NewReader(strings.NewReader("no gzip at all"))
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{sarama.PacketDecodingError{Info: "CRC didn't match"}, true},
		{sarama.ErrInsufficientData, true},
		{fmt.Errorf("%w: zstd", sarama.ErrDecompressedBatchTooLarge), true},
		{sarama.ErrConsumerOffsetNotAdvanced, true},
		{gzipErr, true},
		{io.ErrUnexpectedEOF, true}, // a compressed batch that is cut says that too
		{io.EOF, false},
		{&net.OpError{Op: "read", Err: syscall.ECONNRESET}, false},
		{os.ErrDeadlineExceeded, false},
		{context.Canceled, false},
		{sarama.Wrap(sarama.ErrOutOfBrokers, errors.New("some login failed")), false},
		{sarama.ErrOutOfBrokers, false},
		{sarama.ErrBrokerNotFound, false},
		{sarama.ErrNotConnected, false},
		{sarama.ErrClosedClient, false},
		{sarama.ErrIncompleteResponse, false},
		{sarama.ErrNoTopicsToUpdateMetadata, false},
		{sarama.ErrConsumerRetriesExhausted, false},
		{sarama.ErrBrokerNotAvailable, false}, // an answer
		{fmt.Errorf("payments: %w", sarama.ErrTopicAuthorizationFailed), false},
		{kerr.SaslAuthenticationFailed, false},
	} {
		if got := isUndecodable(&sarama.ConsumerError{Topic: "payments", Err: tt.err}); got != tt.want {
			t.Errorf("%T %v: doubted %v", tt.err, tt.err, got)
		}
	}
	s := new(session)
	its, others := newClaim(s, place{"payments", 0}, -1), newClaim(s, place{"payments", 1}, -1)
	s.claims = map[place]*claim{its.place: its, others.place: others}
	for range 2 {
		s.suspect(place{}) // of no partition
		s.suspect(its.place)
	}
	if doubted, other := len(its.suspect), len(others.suspect); doubted != 1 || other > 0 {
		t.Errorf("doubted %d times, and the other partition %d times", doubted, other)
	}
}

// A claim goes on without sarama only when sarama failed twice at one place although
// others could fetch there: brokers that were away for both say nothing of a batch.
func TestAFailureThatIsOverIsNoReasonToFetchAlone(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	var isAway atomic.Bool
	c.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		return nil, errors.New("away"), isAway.Load()
	})
	r := consume(t, settings(t, c), succeed, "payments")
	eventually(t, "a claim", func() bool { s := r.session.Load(); return s != nil && len(liveClaims(s)) == 1 })
	produce(t, c, 0, envelopes(t, 0, 3)...)
	its := newClaim(r.session.Load(), place{"payments", 0}, -1)
	lane := r.Assign(its)
	defer lane.Lose()
	fetchAlone := func(timeout time.Duration) bool {
		ctx, cancel := context.WithTimeout(t.Context(), timeout)
		defer cancel()
		go func() {
			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()
			for ctx.Err() == nil && its.alone.Load() == nil {
				<-tick.C
			}
			cancel() // it would go on until then
		}()
		its.suspect <- struct{}{} // sarama fails meanwhile, too
		its.fetchAlone(ctx, nil, lane)
		return its.alone.Load() != nil
	}
	for i, step := range []struct{ away, alone bool }{{away: true}, {away: false}, {away: true}, {alone: true}} {
		isAway.Store(step.away)
		timeout := 10 * time.Second
		if step.away {
			timeout = time.Second
		}
		if fetchAlone(timeout) != step.alone {
			t.Errorf("step %d, brokers away %v: it goes on without sarama: %v", i, step.away, !step.alone)
		}
		if !step.alone && len(its.suspect) > 0 {
			t.Errorf("step %d: a failure from before counts", i)
			<-its.suspect
		}
	}
}
