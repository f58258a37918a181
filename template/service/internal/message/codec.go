package message

import "context"

// Codec reads and writes envelopes. JSON is the default; WithCodec gives a
// topic another one. A Codec is used by several goroutines at once.
type Codec interface {
	// Decode reads the envelope in m.Value. It fills in h and then calls body
	// once, which returns a pointer to the value that the envelope's body goes
	// into; an error of body's is returned as it is. Fields of h that the
	// envelope lacks stay empty: the registry checks them.
	//
	// An error means that the value cannot be read and never will be, unless it
	// was made with Retry.
	Decode(ctx context.Context, m *Message, h *Header, body func(*Header) (any, error)) error

	// Encode returns the envelope of h and body as Decode reads it.
	Encode(h *Header, body any) ([]byte, error)
}

// JSON is the codec of envelopes in JSON:
//
//	{"header": {"messageType": "PaymentReceived", …}, "body": {…}}
//
// It reads what the header's documentation says and nothing else: names are
// case-sensitive and given once, text is UTF-8, unknown fields of the header
// and of the envelope are refused. Unknown fields of the body are skipped
// unless the model embeds ForbidExtra.
type JSON struct{}

// ForbidExtra is for models to embed: the JSON codec then refuses bodies with
// fields that the model does not have, at any depth. It takes no space and
// does not appear in the JSON.
type ForbidExtra struct{}

func (ForbidExtra) forbidsExtra() {}
