package outside

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// look is how long Check waits before it asks for committed offsets again.
const look = 20 * time.Millisecond

// Check waits until the group committed past everything that was sent, then
// reads the dead letters and compares: a sample that is in its dead letter topic
// is one, any other was handled. The error has one line for each sample
// that became something else than it expects, and says so when ctx ended first.
func (c *Client) Check(ctx context.Context, group string, sent []Sent) error {
	if err := c.awaitCommits(ctx, group, sent); err != nil {
		return err
	}
	all := make([]Sample, len(sent))
	for i, s := range sent {
		all[i] = s.Sample
	}
	letters, err := c.DeadLetters(ctx, Topics(all)...)
	if err != nil {
		return fmt.Errorf("reading dead letters: %w", err)
	}
	return compare(sent, letters)
}

// awaitCommits returns once the group's committed offsets lie past every sample.
func (c *Client) awaitCommits(ctx context.Context, group string, sent []Sent) error {
	again := time.NewTicker(look)
	defer again.Stop()
	for {
		committed, err := c.admin.FetchOffsets(ctx, group)
		var behind []error
		for _, s := range sent {
			at, ok := committed.Lookup(s.Topic, s.Partition)
			if !ok || at.At <= s.Offset {
				behind = append(behind, fmt.Errorf("%s  %s: not committed", s, s.Name))
			}
		}
		if err != nil {
			behind = []error{fmt.Errorf("asking for committed offsets: %w", err)}
		}
		if len(behind) == 0 {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return errors.Join(append(behind, context.Cause(ctx))...)
		}
	}
}

// compare returns nil if every sample became what it expects. Several dead letters of one
// message are allowed: delivery is at least once.
func compare(sent []Sent, letters []Letter) error {
	dead := make(map[string]Letter, len(letters))
	for _, l := range letters {
		dead[l.Origin] = l
	}
	var wrong []error
	for _, s := range sent {
		letter, isDead := dead[s.String()]
		if problem := s.judge(letter, isDead); problem != "" {
			wrong = append(wrong, fmt.Errorf("%s  %s: %s", s, s.Name, problem))
		}
	}
	return errors.Join(wrong...)
}

// judge says what is wrong with what became of one sample, or nothing.
func (s Sent) judge(l Letter, isDead bool) string {
	switch {
	case !isDead && s.Expect == Handled:
		return ""
	case !isDead:
		return "expected a dead letter, but it was handled"
	case s.Expect == Handled:
		return "expected to be handled, but became a dead letter: " + l.Reason
	case !strings.Contains(l.Reason, s.Reason):
		return fmt.Sprintf("its dead letter's reason lacks %q: %s", s.Reason, l.Reason)
	case !bytes.Equal(l.Original, s.Value) || string(l.Key) != s.Key:
		return "its dead letter does not carry the original key and value"
	}
	return ""
}
