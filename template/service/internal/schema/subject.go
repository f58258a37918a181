package schema

import (
	"context"
	"errors"
	"slices"
)

// The strategies of SCHEMA_REGISTRY_SUBJECT_STRATEGY. Other clients know the first
// three as TopicNameStrategy, TopicRecordNameStrategy and RecordNameStrategy.
const (
	strategyTopic       = "topic"
	strategyTopicRecord = "topic-record"
	strategyRecord      = "record"
	strategyAuto        = "auto" // topic, or topic-record where a topic has several types
)

// subject is the registry's name for the schemas of b, as far as the strategy and the
// types of this program tell it.
func (c *Codec) subject(b *binding) string {
	switch c.strategy {
	case strategyTopic:
		return b.topicSubject()
	case strategyTopicRecord:
		return b.ownSubject()
	case strategyRecord:
		return b.model.about.FullName()
	}
	others := slices.ContainsFunc(c.on(b.topic), func(other *binding) bool { return other != b && !other.undeclared })
	if others {
		return b.ownSubject()
	}
	return b.topicSubject()
}

func (b *binding) topicSubject() string { return b.topic + "-value" }

func (b *binding) ownSubject() string { return b.topic + "-" + b.model.about.FullName() }

// formerSubject is where the schemas of b were if its subject has none yet: the
// topic has got its second type, or has lost it.
func (b *binding) formerSubject(subject string) string {
	if subject == b.topicSubject() {
		return b.ownSubject()
	}
	return b.topicSubject()
}

// chooseSubject returns the subject of b. The topic of an undeclared type may have
// more of them, so without a fixed strategy the registry is asked whether the topic's
// subject is another type's. Each type then has the same subject after a restart,
// whichever comes first.
func (c *Codec) chooseSubject(ctx context.Context, b *binding) (string, error) {
	subject := c.subject(b)
	if !b.undeclared || c.strategy != strategyAuto || subject != b.topicSubject() {
		return subject, nil
	}
	versions, err := c.registry.versions(ctx, subject)
	if err != nil || len(versions) == 0 {
		return subject, err
	}
	latest, err := c.registry.version(ctx, subject, versions[len(versions)-1])
	if err != nil || c.isOf(b, latest) {
		return subject, err
	}
	return b.ownSubject(), nil
}

// elsewhere returns the subject of b in programs that know the topic with several
// types, if the registry has it; this one must not begin another.
func (c *Codec) elsewhere(ctx context.Context, b *binding, subject string) (string, error) {
	if c.strategy != strategyAuto || subject != b.topicSubject() {
		return subject, nil
	}
	versions, err := c.registry.versions(ctx, b.ownSubject())
	if _, refused := errors.AsType[*refusal](err); refused { // it is no subject of this program's
		return subject, nil
	}
	if err != nil || len(versions) == 0 {
		return subject, err
	}
	return b.ownSubject(), nil
}

// isOf reports whether a schema has the name of b's.
func (c *Codec) isOf(b *binding, s registered) bool {
	if s.kind != c.format.kind() {
		return false
	}
	return c.named(b, s.text, s.references)
}

func (c *Codec) named(b *binding, text string, references []string) bool {
	parsed, err := c.format.parse(text, references)
	if err != nil {
		return false
	}
	_, full := parsed.name()
	return full == b.model.about.FullName()
}

// history returns the versions that b's schema has to go with, and the subject
// that has them.
func (c *Codec) history(ctx context.Context, b *binding, subject string) (from string, versions []int, err error) {
	versions, err = c.registry.versions(ctx, subject)
	if err != nil || len(versions) > 0 || c.strategy == strategyRecord {
		return subject, versions, err
	}
	former := b.formerSubject(subject)
	all, err := c.registry.versions(ctx, former)
	if err != nil {
		return subject, nil, err
	}
	for _, n := range all {
		s, err := c.registry.version(ctx, former, n)
		if err != nil {
			return subject, nil, err
		}
		if c.isOf(b, s) { // the topic's may have been another type's
			versions = append(versions, n)
		}
	}
	if len(versions) == 0 {
		return subject, nil, nil
	}
	return former, versions, nil
}
