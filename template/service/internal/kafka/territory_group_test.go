package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// territoryCreated is the event by which another framework's documentation
// shows its handlers' hooks; here it is shown that ours do the same.
type territoryCreated struct {
	TerritoryID int `json:"territory_id" validate:"gt=0"` // of the newly created territory
}

func (territoryCreated) Topic() string       { return "urban.events" }
func (t territoryCreated) Key() string       { return strconv.Itoa(t.TerritoryID) }
func (territoryCreated) MessageType() string { return "TerritoryCreated" }

// territories is its handler with each hook there is.
type territories struct {
	mu    sync.Mutex
	calls []string
}

func (h *territories) note(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, fmt.Sprintf(format, args...))
}

func id(m *message.Message) int { return m.Decoded.(*territoryCreated).TerritoryID }

func (h *territories) Startup(context.Context) error  { h.note("startup"); return nil }
func (h *territories) Shutdown(context.Context) error { h.note("shutdown"); return nil }

func (h *territories) Before(_ context.Context, m *message.Message) error {
	h.note("pre-process %d", id(m))
	return nil
}

func (h *territories) Handle(_ context.Context, m message.Of[territoryCreated]) error {
	h.note("handle %d", m.Body.TerritoryID)
	if m.Body.TerritoryID > 1 && m.Attempt == 1 {
		return errOverlap
	}
	return nil
}

func (h *territories) After(_ context.Context, m *message.Message) error {
	h.note("post-process %d", id(m))
	return nil
}

// OnError has each of the things done that can be done about an error.
func (h *territories) OnError(_ context.Context, m *message.Message, err error) error {
	h.note("error %d, attempt %d: %v", id(m), m.Attempt, err)
	switch id(m) {
	case 2:
		return message.Retry(err)
	case 3:
		return message.Permanent(err)
	}
	return nil
}

var errOverlap = errors.New("it overlaps another one")

func TestTerritoryCreatedMeetsEachHook(t *testing.T) {
	t.Parallel()
	c := startCluster(t, kfake.SeedTopics(1, "urban.events"))
	cfg := settings(t, c, "RETRY_DELAY", "1ms", "ORDERING", "partition")
	publisher := newPublisher(t, cfg)
	if err := publisher.Publish(t.Context(), territoryCreated{0}); message.ClassOf(err) != message.ClassHandler {
		t.Errorf("an event that breaks its model's rules: %v", err)
	}
	invalid := message.Message{Topic: territoryCreated{}.Topic(), Key: []byte("0")} // another service may publish it
	if err := (envelope.JSON{}).Encode(t.Context(), &invalid, message.NewHeader("TerritoryCreated", "other"), territoryCreated{0}); err != nil {
		t.Fatal(err)
	}
	if err := publisher.Send(t.Context(), &invalid); err != nil {
		t.Fatal(err)
	}
	for n := 1; n < 5; n++ {
		if err := publisher.Publish(t.Context(), territoryCreated{n}); err != nil {
			t.Fatal(err)
		}
	}
	h, registry := new(territories), newRegistry()
	message.Register(registry, "urban.events", h)
	r := consumeWith(t, cfg, quiet, registry)
	r.await(t, engine.Handled, 3)
	r.await(t, engine.DeadLettered, 2)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"startup",
		// 0 is not valid: a dead letter that no hook sees
		"pre-process 1", "handle 1", "post-process 1",
		"pre-process 2", "handle 2", "error 2, attempt 1: it overlaps another one", // tried again
		"pre-process 2", "handle 2", "post-process 2",
		"pre-process 3", "handle 3", "error 3, attempt 1: it overlaps another one", // a dead letter
		"pre-process 4", "handle 4", "error 4, attempt 1: it overlaps another one", // handled
		"shutdown",
	}
	if !slices.Equal(h.calls, want) {
		t.Errorf("calls\n%q\nwant\n%q", h.calls, want)
	}
	letters := readAll(t, c, "urban.events.dlq", 2)
	for i, offset := range []string{"0", "3"} {
		m := message.Message{}
		for _, f := range letters[i].Headers {
			m.Headers = append(m.Headers, message.Field{Key: f.Key, Value: f.Value})
		}
		if got, _ := m.Get("forge-dlq-offset"); string(got) != offset {
			t.Errorf("dead letter %d is of offset %s, want %s", i, got, offset)
		}
	}
}
