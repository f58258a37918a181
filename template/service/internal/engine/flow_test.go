package engine

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// large makes one message of n bytes.
func large(offset int64, n int) []message.Message {
	m := batch(offset, 1)
	m[0].Value = make([]byte, n)
	return m
}

func TestLanesShareTheBytesOfAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		cfg.MaxBytes = 1200 << 10
		release := make(chan struct{})
		b := start(t, cfg, func(context.Context, *message.Message) error { <-release; return nil })
		gates := []*gate{newGate(), newGate(), newGate()}
		first := b.Assign(gates[0])
		first.Deliver(large(0, 1100<<10))
		if gates[0].closed {
			t.Error("a lane alone is paused below the limit of all")
		}
		second, third := b.Assign(gates[1]), b.Assign(gates[2])
		first.Deliver(large(1, 1<<10))
		second.Deliver(large(0, 401<<10))
		third.Deliver(large(0, 399<<10))
		if !gates[0].closed || !gates[1].closed || gates[2].closed {
			t.Errorf("paused %v, %v, %v; want those of more than a third", gates[0].closed, gates[1].closed, gates[2].closed)
		}
		first.Lose()
		third.Deliver(large(1, 190<<10))
		if gates[2].closed {
			t.Error("a lane is paused below its half, now that there are two")
		}
		close(release)
		elapse(time.Second)
		if gates[1].closed {
			t.Error("a lane that is done is paused")
		}
		second.Lose()
		third.Lose()
	})
}
