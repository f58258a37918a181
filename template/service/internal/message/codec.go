package message

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// Codec reads and writes envelopes. JSON is the default; Registry.SetCodec
// gives a registry another one, WithCodec a topic. A Codec is used by several
// goroutines at once.
//
// A Codec may also be a Binder, and a Starter or Stopper: the registry starts
// it before the handlers and shuts it down after them.
type Codec interface {
	// Decode reads the envelope in m.Value. It fills in h and then calls body
	// once, which returns a pointer to the value that the envelope's body goes
	// into; an error of body's is returned as it is. Fields of h that the
	// envelope lacks stay empty: the registry checks them.
	//
	// An error means that the value cannot be read and never will be, unless it
	// was made with Unavailable, because what says how to read it is away, or
	// with Retry.
	Decode(ctx context.Context, m *Message, h *Header, body func(*Header) (any, error)) error

	// Encode sets m.Value to the envelope of h and body as Decode reads it, and
	// may append to m.Headers what does not go into the value. m.Topic is set.
	// After an error m is as it was.
	Encode(ctx context.Context, m *Message, h *Header, body any) error
}

// Binder is a Codec that has to know beforehand which models it will meet.
type Binder interface {
	// Bind is called at each registration with the type of the body. Its error
	// is a mistake in the wiring. It asks nobody: that is for Startup.
	Bind(topic string, model reflect.Type) error
}

// SetCodec makes c the codec of the topics whose registration names none, in
// the place of JSON. It comes before the registrations and panics otherwise.
func (r *Registry) SetCodec(c Codec) {
	switch {
	case isNil(c):
		panic(errors.New("message: SetCodec: the codec is nil"))
	case len(r.topics) > 0:
		panic(fmt.Errorf("message: SetCodec: comes before the registrations, but topics %s have a codec already", strings.Join(r.Topics(), ", ")))
	}
	r.codec = c
	r.addCodec(c)
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
