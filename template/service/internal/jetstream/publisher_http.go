package jetstream

import (
	"cmp"
	"context"
	"errors"

	"github.com/ouroboros-forge/forge/template/service/internal/ops"
)

// Ready implements publisher.Transport.
func (t *transport) Ready(ctx context.Context) error {
	js, err := t.open()
	if err != nil {
		return err
	}
	if err = t.health.Why(); err == nil || errors.Is(err, ops.ErrConnecting) {
		asking, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		err = js.Conn().FlushWithContext(asking)
	}
	if err != nil {
		return cmp.Or(t.health.Why(), err)
	}
	return nil
}
