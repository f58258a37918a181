package shop

import (
	"encoding/json"
	"fmt"
	"iter"
	"testing"
	"time"
)

// sent is a message that a test sends.
type sent struct {
	topic, key string
	value      []byte
}

// toSend are the orders and payments from number first on, up to number end.
func toSend(first, end int) iter.Seq[sent] {
	return func(yield func(sent) bool) {
		for i := first; i < end; i++ {
			customer := fmt.Sprintf("customer-%d", i%200)
			if !yield(newSent("orders", customer, "OrderCreated", orderID(i), fmt.Sprintf(`{"id":"A-%d","customer":%q,"cents":%d}`, i, customer, i+1))) ||
				!yield(newSent("payments", customer, "PaymentCreated", paymentID(i), fmt.Sprintf(`{"id":"P-%d","orderId":"A-%d","cents":%d}`, i, i, i+1))) {
				return
			}
		}
	}
}

func newSent(topic, key, messageType, id, body string) sent {
	const envelope = `{"header":{"messageType":%[1]q,"schemaName":%[1]q,"schemaVersion":"1","messageId":%[2]q,"correlationId":%[2]q,"timestamp":%[3]q,"producer":"test"},"body":%[4]s}`
	return sent{topic, key, fmt.Appendf(nil, envelope, messageType, id, time.Now().UTC().Format(time.RFC3339), body)}
}

// messageID returns the id that is in an envelope.
func messageID(t *testing.T, envelope []byte) string {
	t.Helper()
	var value struct{ Header struct{ MessageID string } }
	if err := json.Unmarshal(envelope, &value); err != nil {
		t.Fatal(err)
	}
	return value.Header.MessageID
}
