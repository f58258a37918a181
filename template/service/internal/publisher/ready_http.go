package publisher

import "context"

// Ready returns why nothing can be published at present, nil when a broker answers.
func (p *Publisher) Ready(ctx context.Context) error {
	if p.closing.Err() != nil {
		return ErrClosed
	}
	return p.Transport.Ready(ctx)
}
