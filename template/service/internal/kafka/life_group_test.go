package kafka

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// distant is a codec that asks a registry which may be away.
type distant struct {
	envelope.JSON
	back atomic.Bool
}

func (d *distant) Open(ctx context.Context, m *message.Message) (message.Header, []byte, error) {
	if string(m.Key) == "1" && !d.back.Load() {
		return message.Header{}, nil, message.Unavailable(errors.New("no route to the registry"))
	}
	return d.JSON.Open(ctx, m)
}

func TestWhatACodecNeedsMayBeAwayAndNothingIsLost(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	produce(t, c, 0, envelopes(t, 0, 3)...)
	codec, registry := new(distant), newRegistry()
	registry.SetCodec(codec)
	message.Register(registry, "payments", message.TypedHandlerFunc[payment](succeed))
	r := consumeWith(t, settings(t, c, "ERROR_POLICY", "skip", "RETRY_MAX_ATTEMPTS", "1", "RETRY_DELAY", "10ms"), quiet, registry)
	r.await(t, engine.Handled, 2)
	r.await(t, engine.Unavailable, 3)
	if err := r.Ready(); err == nil || !strings.Contains(err.Error(), "no route to the registry") {
		t.Errorf("ready says %v, want what is away", err)
	}
	codec.back.Store(true)
	r.await(t, engine.Handled, 3)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if got := committed(t, c, 0); got != 3 {
		t.Errorf("committed %d, want 3", got)
	}
}
