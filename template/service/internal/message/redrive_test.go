package message_test

import (
	"errors"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

func TestWhatWasRedrivenForAnotherGroupReachesNoHandler(t *testing.T) {
	for group, want := range map[string]int{"shop": 1, "billing": 0, "": 1} {
		r, h := newRegistry(), new(recorder[payment])
		r.Group = group
		message.Register(r, "payments", h)
		m := newMessage(inEnvelope("P", validBody))
		m.Headers = []message.Field{{Key: message.RedriveGroup, Value: []byte("shop")}}
		isOther := group == "billing"
		if err := r.Handle(t.Context(), m); errors.Is(err, message.ErrOtherGroup) != isOther || (err != nil) != isOther || len(h.got) != want {
			t.Errorf("group %q: %d messages, %v", group, len(h.got), err)
		}
		m.Value = []byte("what only shop can read")
		if err := r.Handle(t.Context(), m); errors.Is(err, message.ErrOtherGroup) != isOther || err == nil {
			t.Errorf("group %q: %v", group, err)
		}
	}
}
