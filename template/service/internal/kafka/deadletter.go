package kafka

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// DeadLetters writes messages that failed for good to the dead letter topic of
// the topic they came from.
type DeadLetters struct {
	sender message.Sender
	group  string
}

// NewDeadLetters returns the dead letters of a consumer group.
func NewDeadLetters(sender message.Sender, group string) *DeadLetters {
	return &DeadLetters{sender: sender, group: group}
}

// DeadLetter sends m with the reason of its failure and returns nil once
// the broker acknowledged that. A dead letter that is too large for its topic
// is written once more as the message itself, with all else in headers.
func (d *DeadLetters) DeadLetter(ctx context.Context, m *message.Message, f engine.Failure) error {
	if strings.HasSuffix(m.Topic, deadLetterSuffix) {
		return fmt.Errorf("a message of %s is a dead letter already", m.Topic)
	}
	err := d.sender.Send(ctx, encodeDeadLetter(m, f, d.group))
	if errors.Is(err, ErrTooLarge) && m.Value != nil {
		err = d.sender.Send(ctx, rawDeadLetter(m, f, d.group))
	}
	if err != nil {
		return fmt.Errorf("dead letter of %s/%d@%d: %w", m.Topic, m.Partition, m.Offset, err)
	}
	return nil
}
