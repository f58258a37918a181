package envelope_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Decoders are reused by all goroutines, so nothing of one message may turn up
// in another.
func TestHandleSideBySide(t *testing.T) {
	r := newRegistry()
	message.Register(r, "payments", message.TypedHandlerFunc[payment](func(_ context.Context, m message.Of[payment]) error {
		want := string(m.Key)
		if m.Header.MessageID != want || m.Header.MessageType != "Type"+want || m.Body.ID != want {
			return fmt.Errorf("message %s has %+v %+v", want, m.Header, m.Body)
		}
		return nil
	}))
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 500 {
				id := strconv.Itoa(worker*500 + i)
				value := strings.NewReplacer("m-1", id, "p-1", id).Replace(inEnvelope("Type"+id, validBody))
				if i%5 == 0 {
					value = value[:len(value)/2] // leaves its decoder in the middle
				}
				m := newMessage(value)
				m.Key = []byte(id)
				if err := r.Handle(t.Context(), m); (err != nil) != (i%5 == 0) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
