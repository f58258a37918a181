// Package envelopetest has the messages of the tests of internal/.
package envelopetest

import (
	"fmt"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// NewRegistry returns a registry that reads JSON.
func NewRegistry() *message.Registry {
	return message.NewRegistry(envelope.JSON{}, envelope.NewRules())
}

// Header returns a complete header.
func Header(messageType, id string) string {
	return fmt.Sprintf(`{"messageType":%q,"schemaName":"payment","schemaVersion":"1","correlationId":"c-1",`+
		`"messageId":%q,"timestamp":"2026-03-01T12:00:00Z","producer":"billing"}`, messageType, id)
}

// Envelope returns an envelope with a complete header and the given body.
func Envelope(messageType, id, body string) string {
	return fmt.Sprintf(`{"header":%s,"body":%s}`, Header(messageType, id), body)
}

// NewMessage returns a message on the topic payments at its first attempt.
func NewMessage(value string) *message.Message {
	return &message.Message{Topic: "payments", Value: []byte(value), Attempt: 1}
}

// WantError fails unless err is permanent, of the class, and says text.
func WantError(t testing.TB, err error, class message.Class, text string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %s: %s", class, text)
	}
	if err.Error() != text {
		t.Errorf("error  %s\nwant   %s", err, text)
	}
	if got := message.ClassOf(err); got != class {
		t.Errorf("class %q, want %q", got, class)
	}
	if message.OutcomeOf(err) != message.OutcomePermanent {
		t.Error("the error is not permanent")
	}
}
