package engine

import (
	"bytes"
	"hash/maphash"
	"slices"

	"github.com/sethvargo/go-retry"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// item is a message on its way through the engine. The first one of a key is in
// exactly one place: ready, with a worker, waiting for its timer, or being
// written to the dead letters. The others wait behind it.
type item struct {
	msg        message.Message // as delivered; handlers get copies of it
	lane       *Lane
	next       *item         // of the same key
	successor  *Lane         // the lane's next life, if the handler outlived its own
	hash       uint64        // of the key
	keyed      bool          // others may wait for it
	waitReason waitReason    // why it waits, or waited before the present attempt
	seq        uint64        // its place in order of delivery
	size       int64         // what it counts for in bytes
	backoff    retry.Backoff // nil before the first retry
}

// What counts besides a message's own bytes.
const (
	overhead       = 768 // its item, and the backoff and timer of one that waits for a retry
	headerOverhead = 64  // for each of its headers
)

// newItem copies a message: what it points to may be part of a whole fetch, which
// would stay in memory with it. It needs no lock.
func (l *Lane) newItem(m *message.Message) *item {
	cfg := &l.engine.cfg
	it := &item{msg: clone(m), lane: l, keyed: cfg.Ordering == OrderPartition, size: int64(overhead + len(m.Key) + len(m.Value))}
	for _, h := range m.Headers {
		it.size += int64(headerOverhead + len(h.Key) + len(h.Value))
	}
	if cfg.Ordering == OrderKey && m.Key != nil {
		it.keyed, it.hash = true, maphash.Bytes(l.engine.seed, m.Key)
	}
	it.msg.Attempt, it.msg.Retry = 1, &cfg.Retry // unless its registration has a policy of its own
	return it
}

// clone returns a copy of a message that shares no bytes with it.
func clone(m *message.Message) message.Message {
	c := *m
	c.Key, c.Value, c.Headers = bytes.Clone(m.Key), bytes.Clone(m.Value), slices.Clone(m.Headers)
	for i := range c.Headers {
		c.Headers[i].Value = bytes.Clone(c.Headers[i].Value)
	}
	return c
}
