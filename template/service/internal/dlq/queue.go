//go:build jetstream || rabbitmq

package dlq

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// What the command line says of a queue: what was sent back is not in it any more.
const (
	placeForm     = "TOPIC@NUMBER          "
	purgeSays     = "those that are selected, for good: it wants a selection, or --all"
	purgeAnyGroup = "with purge those of unknown ones too"
	allSays       = "all of the service's                                     (purge)"
	redrivenSays  = ""
)

// The flags of commands that take others elsewhere.
var (
	lsTakes    = []string{"class", "reason", "type", "key", "since", "until", "any-group", "json"}
	purgeTakes = []string{"class", "reason", "type", "key", "since", "until", "any-group", "execute", "all"}
)

// checkFor refuses to delete what nobody selected: where dead letters stay when they were
// redriven, such a purge deletes those alone.
func checkFor(name string, o options) error {
	all := selection{anyGroup: o.selection.anyGroup}
	if name == "purge" && (o.selection == all) != o.all {
		return errors.New("purge deletes for good what is selected: say which with --class, --reason, --type, --key, --since or --until, or else --all")
	}
	return nil
}

// place is where a dead letter is.
type place struct {
	topic  string
	offset int64
}

func parsePlace(s string) (place, error) {
	if at := strings.LastIndexByte(s, '@'); at > 0 {
		if n, err := strconv.ParseInt(s[at+1:], 10, 64); err == nil && n >= 0 {
			return place{topic: s[:at], offset: n}, nil
		}
	}
	return place{}, fmt.Errorf("%q is no place: write TOPIC@NUMBER, such as payments.dlq@17", s)
}

// place returns where the letter is, as `dlq show` takes it.
func (l *Letter) place() string { return fmt.Sprintf("%s@%d", l.Topic, l.Offset) }

// box has the dead letters of consumers that read at one place, as they are when it is
// opened: what comes later is not read, or a message that fails again would be redriven
// for ever.
type box struct {
	*judge
	*broker

	topics []string
}

// openBox looks at the topics of dead letters.
func openBox(ctx context.Context, consumers []Consumer, o options, topics []string) (*box, error) {
	broker, err := openBroker(ctx, consumers, o, topics)
	if err != nil {
		return nil, err
	}
	return &box{judge: newJudge(ctx, consumers, o), broker: broker, topics: topics}, nil
}

// each calls f with each letter, and what it is to the selection.
func (b *box) each(ctx context.Context, f func(*Letter, row) error) error {
	for _, topic := range b.topics {
		err := b.read(ctx, topic, 0, func(m message.Message) error {
			l, row := b.judge.judge(m)
			if b.away != nil {
				return b.away
			}
			return f(l, row)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// list counts the letters.
func (b *box) list(ctx context.Context, report *report) error {
	return b.each(ctx, func(l *Letter, row row) error {
		report.add(row, l)
		return nil
	})
}

// find returns the letter at one place.
func (b *box) find(ctx context.Context, at place) (found *Letter, err error) {
	err = b.read(ctx, at.topic, at.offset, func(m message.Message) error {
		if m.Offset < at.offset {
			return nil
		}
		if m.Offset == at.offset {
			if found, err = open(m); err != nil {
				found = unopened(m) // for a person to see
				found.Reason = "unreadable: " + err.Error()
			}
		}
		return errEnough
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	if err == nil && found == nil {
		err = fmt.Errorf("%s has nothing at %d", at.topic, at.offset)
	}
	return found, err
}

// redrive sends back what is selected. What was written is no dead letter any more.
func (b *box) redrive(ctx context.Context, report *report) error {
	m := newMover(b, report)
	return m.run(ctx, func(ctx context.Context, l *Letter, row row) error {
		switch {
		case row.Outcome != selected:
			report.add(row, l)
			return nil
		case b.max > 0 && report.sent >= b.max:
			return errEnough
		}
		report.sent++
		to, becomes := b.target(l)
		if row.To, row.Outcome = to.Topic, becomes; !b.execute {
			report.add(row, l)
			return nil
		}
		if err := b.wait(ctx); err != nil {
			return err
		}
		return m.hand(ctx, &move{letter: l, row: row, to: &to})
	})
}

// purge deletes what is selected and known to be ours, and only counts it without
// --execute.
func (b *box) purge(ctx context.Context, report *report) error {
	m := newMover(b, report)
	return m.run(ctx, func(ctx context.Context, l *Letter, row row) error {
		switch {
		case row.Outcome == selected && !b.isOurs(l):
			row.Outcome = stays
		case row.Outcome == selected:
			if row.Outcome = deleted; b.execute {
				return m.hand(ctx, &move{letter: l, row: row})
			}
		}
		report.add(row, l)
		return nil
	})
}
