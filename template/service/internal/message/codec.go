package message

import (
	"context"
	"reflect"
)

// Codec reads and writes envelopes. It is used by several goroutines at once.
// A codec may also be a Binder, a Starter and a Stopper: each registry that
// uses it starts it before its handlers and shuts it down after them.
type Codec interface {
	// Open reads the envelope in m.Value. It returns its header and its body as
	// it stands, which Decode gets if there is a model for it. Fields that the
	// envelope lacks stay empty: the registry checks them. With an error it
	// returns the header as far as it was read.
	//
	// An error of Open or Decode means that the message can never be read,
	// unless it was made with Unavailable or Retry.
	Open(ctx context.Context, m *Message) (Header, []byte, error)

	// Decode reads a body into out, a pointer to a model.
	Decode(ctx context.Context, m *Message, body []byte, out any) error

	// Encode sets m.Value to what Open reads, and may append to m.Headers what
	// does not go into the value. m.Topic is set, and h is complete. After an
	// error m is as it was.
	Encode(ctx context.Context, m *Message, h Header, body any) error
}

// Binder is a Codec that has to know beforehand which models it will meet.
type Binder interface {
	// Bind is called for each registration with the type of the body. Its
	// error is a mistake in the wiring. It does not use the network: that is
	// for Startup.
	Bind(topic string, model reflect.Type) error
}

// Rules are what the bodies of a model must keep.
type Rules interface {
	// Of returns the check of a model's bodies, which gets a pointer to the
	// body and says with Invalid what is wrong with it. It is nil when there is
	// nothing to check. An error is a mistake in the model.
	Of(model reflect.Type) (check func(body any) error, err error)
}

// ForbidExtra is for models to embed: the JSON codec then refuses bodies with
// fields that the model does not have, at any depth. It takes no space and
// does not appear in the JSON.
type ForbidExtra struct{}

func (ForbidExtra) forbidsExtra() {}

// ForbidsExtra is what a pointer to a model implements that embeds ForbidExtra.
type ForbidsExtra interface{ forbidsExtra() }
