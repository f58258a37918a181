package config

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// kafkaPrefix begins the names of the settings that a consumer may have for
// itself: those of Kafka.
const kafkaPrefix = "KAFKA_"

const (
	groupID = "KAFKA_GROUP_ID"
	noGroup = "a consumer needs a group; those that share it share the work"
)

var consumerName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// Consumer returns the settings of a further consumer: those of the service, and
// over them its own, which are in YAML under consumers and its name, and in the
// environment and .env called NAME_KAFKA_…. A value for one consumer goes over a
// value for all, wherever either stands, but not over an override. Its group is
// the service's, "-" and its name, unless it has one of its own; no two consumers
// may have the same.
func (c Config) Consumer(name string) (Kafka, error) {
	k, prefix := new(Kafka), prefixOf(name)
	if known, ok := c.loader.consumers[prefix]; ok {
		return known, nil
	}
	l := &loader{consumer: name, known: Settings(k), values: maps.Clone(c.loader.values), failed: make(map[string]bool)}
	if _, ok := c.loader.values[prefix+groupID]; !ok && c.Kafka.GroupID != "" {
		c.loader.values[prefix+groupID] = given{text: c.Kafka.GroupID + "-" + name}
	}
	for variable, g := range c.loader.values {
		rest, ok := strings.CutPrefix(variable, prefix)
		if overridden := l.values[rest].place == fromOverride && g.place != fromOverride && rest != groupID; ok && !overridden {
			l.values[rest] = g
		}
	}
	l.read()
	k.derive(c.Service)
	l.checkKafka(k)
	if !consumerName.MatchString(name) {
		l.note("consumer %q: a name is made of lower-case letters, digits and dashes, and begins with a letter", name)
	}
	l.relate(k.GroupID != "", groupID, noGroup)
	for _, other := range append(slices.Collect(maps.Values(c.loader.consumers)), c.Kafka) {
		// Members would be given partitions of topics that they do not read.
		l.relate(k.GroupID != other.GroupID || !slices.Equal(k.Brokers, other.Brokers), groupID, "is another consumer's group too: each needs one of its own")
	}
	c.loader.consumers[prefix] = *k
	return *k, l.err()
}

// prefixOf returns what begins the names of a consumer's own settings in the
// environment.
func prefixOf(consumer string) string {
	return strings.ToUpper(strings.ReplaceAll(consumer, "-", "_")) + "_"
}

// nameOf is the reverse of prefixOf.
func nameOf(prefix string) string {
	return strings.ToLower(strings.ReplaceAll(strings.TrimSuffix(prefix, "_"), "_", "-"))
}

// RequireGroup returns an error if there is no group: consuming needs one,
// publishing does not.
func (k Kafka) RequireGroup() error {
	if k.GroupID != "" {
		return nil
	}
	return &Error{[]Problem{{groupID, groupID + " is not set: " + noGroup}}}
}

// Explain writes every setting, one a line, with where it came from: default,
// environment, .env:3, config.yaml:12, or the file that NAME_FILE names. After
// the service's come those of its own code, and what further consumers have for
// themselves. Secrets are redacted.
func (c Config) Explain(w io.Writer) error {
	var text strings.Builder
	write := func(s Setting, prefix string) {
		value, g := s.String(), c.loader.values[prefix+s.Name]
		if quoted := strconv.Quote(value); quoted != `"`+value+`"` || value != strings.TrimSpace(value) {
			value = quoted // one line, and what cannot be seen is seen
		}
		fmt.Fprintf(&text, "%-48s # %s", prefix+s.Name+"="+value, cmp.Or(g.place, "default"))
		if g.over != "" {
			text.WriteString(", over " + g.over)
		}
		text.WriteString("\n")
	}
	for _, s := range c.loader.known {
		write(s, "")
	}
	for _, prefix := range slices.Sorted(maps.Keys(c.loader.consumers)) {
		k := c.loader.consumers[prefix]
		for _, s := range Settings(&k) {
			if _, own := c.loader.values[prefix+s.Name]; own {
				write(s, prefix)
			}
		}
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// CheckUnread is called when every consumer has asked for its settings. The
// error lists names in .env, YAML or a map that look like a setting of Kafka or of
// a consumer and are not; unread lists the other names in .env that no setting
// has: each may be a typing error, or another program's.
func (c Config) CheckUnread() (unread []string, err error) {
	l := c.loader
	prefixes := slices.Sorted(maps.Keys(l.consumers))
	var names []string
	for _, prefix := range prefixes {
		names = append(names, nameOf(prefix))
	}
	for _, g := range l.unread {
		s, prefix := l.setting(g.name)
		prefix = cmp.Or(g.prefix, prefix)
		i := slices.IndexFunc(prefixes, func(p string) bool { return p == prefix || strings.HasPrefix(g.name, p+kafkaPrefix) })
		switch {
		case i >= 0 && s.Name == "":
			l.unknown(g, prefixes[i])
		case i < 0 && s.Name != "":
			l.note("%s: %s: the service has no consumer %q, only %q", g.place, g.name, nameOf(prefix), names)
		case i < 0:
			unread = append(unread, fmt.Sprintf("%s: %s is read by nothing%s", g.place, g.name, l.didYouMean(g.name, "")))
		}
	}
	return unread, l.err()
}

// unknown adds a name that is not a setting: the service's, or with a prefix a
// consumer's.
func (l *loader) unknown(g given, prefix string) {
	l.note("%s: %s is not a setting%s", g.place, g.name, l.didYouMean(g.name, prefix))
}

// didYouMean suggests the setting that name is but for two characters in one
// place, if there is one.
func (l *loader) didYouMean(name, prefix string) string {
	for _, s := range l.known {
		for _, known := range append(strings.Fields(s.field.Tag.Get("kafka")), prefix+s.Name, prefix+s.Name+fileSuffix) {
			a, b := strings.ToUpper(name), strings.ToUpper(known)
			for a != "" && b != "" && a[0] == b[0] {
				a, b = a[1:], b[1:]
			}
			for a != "" && b != "" && a[len(a)-1] == b[len(b)-1] {
				a, b = a[:len(a)-1], b[:len(b)-1]
			}
			if max(len(a), len(b)) <= 2 {
				return "; did you mean " + known + "?"
			}
		}
	}
	return ""
}
