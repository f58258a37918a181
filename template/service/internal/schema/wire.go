package schema

import (
	"encoding/binary"
	"math"
	"strconv"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// The registry's wire format is that of Confluent's clients: a zero byte, the
// schema's id in four bytes, most significant first, and the body.

const (
	magic     = 0
	prefixLen = 5
)

// frame returns the start of a value, with room for a small body.
func frame(id uint32) []byte {
	value := make([]byte, prefixLen, 256)
	value[0] = magic
	binary.BigEndian.PutUint32(value[1:], id)
	return value
}

func unframe(value []byte) (id uint32, body []byte, err error) {
	switch {
	case len(value) < prefixLen:
		return 0, nil, message.Fail(message.ClassDecode, "not in the Schema Registry's format: %d bytes, which is too short for a schema's id", len(value))
	case value[0] != magic:
		return 0, nil, message.Fail(message.ClassDecode, "not in the Schema Registry's format: it begins with the byte 0x%02x in the place of 0x00", value[0])
	}
	id = binary.BigEndian.Uint32(value[1:])
	if id > math.MaxInt32 { // ids have a sign: the registry cannot even be asked for this one
		return 0, nil, message.Fail(message.ClassDecode, "not in the Schema Registry's format: %d cannot be a schema's id, which is %d at most", id, math.MaxInt32)
	}
	return id, value[prefixLen:], nil
}

// unknownProducer is who wrote a message that does not say.
const unknownProducer = "unknown"

// readHeader fills in h from the transport's headers, and what is missing there
// from what else is known of m.
func readHeader(m *message.Message, h *message.Header, w *writer) error {
	*h = message.Header{MessageType: w.name, SchemaName: w.full, SchemaVersion: "1", Timestamp: m.Time, Producer: unknownProducer}
	if err := message.ReadHeader(m, h); err != nil {
		return err
	}
	if w.name == "" && (h.MessageType == "" || h.SchemaName == "") { // in Avro there is always a name
		return message.Fail(message.ClassInvalid, "header.messageType and header.schemaName: are required, as schema %d has no title to take them from", w.id)
	}
	if h.MessageID == "" {
		h.MessageID = m.Topic + "/" + strconv.Itoa(int(m.Partition)) + "/" + strconv.FormatInt(m.Offset, 10)
	}
	h.Timestamp = h.Timestamp.UTC()
	return nil
}
