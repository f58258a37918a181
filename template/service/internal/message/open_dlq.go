package message

import "context"

// Open returns the envelope's header of a message of any topic, by the topic's codec.
func (r *Registry) Open(ctx context.Context, m *Message) (Header, error) {
	header, _, err := r.codecOf(m.Topic).Open(ctx, m)
	return header, err
}
