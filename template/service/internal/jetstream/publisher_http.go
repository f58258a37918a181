package jetstream

import (
	"cmp"
	"context"
	"errors"
)

// Ready implements publisher.Transport.
func (t *transport) Ready(ctx context.Context) error {
	js, err := t.open()
	if err != nil {
		return err
	}
	if err = t.health.why(); err == nil || errors.Is(err, errConnecting) {
		asking, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		err = js.Conn().FlushWithContext(asking)
	}
	if err != nil {
		return cmp.Or(t.health.why(), err)
	}
	return nil
}
