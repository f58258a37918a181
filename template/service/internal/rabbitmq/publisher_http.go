package rabbitmq

import (
	"context"
	"errors"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/ops"
)

// Ready implements publisher.Transport.
func (t *transport) Ready(ctx context.Context) error {
	t.begin()
	ctx, cancel := context.WithTimeout(ctx, dialTimeout/2)
	defer cancel()
	for errors.Is(t.health.Why(), ops.ErrConnecting) && ctx.Err() == nil {
		sleep(ctx, 10*time.Millisecond)
	}
	return t.health.Why()
}
