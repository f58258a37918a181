package schema_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Whatever lies in a topic, reading it ends, and what is read is the same again
// when it is written. Nothing but the registry can make it unavailable.
func FuzzDecode(f *testing.F) {
	registry := startRegistry(f)
	registry.SeedSchema("seeds", 1, 9, sr.Schema{Schema: pythonSchema})
	c := start(f, settings(f, registry.URL()), "parcels", parcel{})
	m := &message.Message{Topic: "parcels"}
	h := message.NewHeader("Parcel", "tests")
	if err := c.Encode(f.Context(), m, h, aParcel()); err != nil {
		f.Fatal(err)
	}
	f.Add(m.Value, "messageType", []byte("Parcel"))
	f.Add(append([]byte{0, 0, 0, 0, 9}, m.Value[5:]...), "timestamp", []byte("2026-01-02T03:04:05Z"))
	f.Add([]byte{0, 0, 0, 0, 9, 6, 8}, "correlationId", []byte{0xff})
	f.Fuzz(func(t *testing.T, value []byte, name string, text []byte) {
		m := &message.Message{Topic: "parcels", Value: value, Headers: []message.Field{{Key: name, Value: text}}}
		var got parcel
		h, err := decode(t, c, m, &got)
		if err != nil {
			if !isPermanent(err) {
				t.Fatalf("%v is not permanent", err)
			}
			return
		}
		again := &message.Message{Topic: "parcels"}
		h.MessageType, h.Timestamp = "Parcel", message.NewHeader("", "").Timestamp
		if err := c.Encode(t.Context(), again, h, got); err != nil {
			t.Fatal(err)
		}
		var twice parcel
		if _, err := decode(t, c, again, &twice); err != nil {
			t.Fatal(err)
		}
	})
}
