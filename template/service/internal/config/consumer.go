package config

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// kafkaPrefix begins the names of the settings that a consumer may have for
// itself: those of Kafka.
const kafkaPrefix = "KAFKA_"

var consumerName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// Consumer returns the settings of a further consumer: those of c.Kafka, and
// over them its own, which are in the YAML file under consumers and its name, or
// in the environment and .env as NAME_KAFKA_…; a value for one consumer goes over
// a value for all, wherever either stands. Its group is the service's, "-" and
// its name, unless it has one of its own; no other consumer may have that group.
func (c Config) Consumer(name string) (Kafka, error) {
	l := c.loader
	if k, ok := l.consumers[name]; ok {
		return k, nil
	}
	var of struct{ Kafka Kafka }
	l.read(name, fieldsOf(&of))
	k := &of.Kafka
	if !consumerName.MatchString(name) {
		l.note("consumer %q: a name is made of lower-case letters, digits and dashes, and begins with a letter", name)
	}
	if !l.given["KAFKA_GROUP_ID"].own && k.GroupID != "" {
		k.GroupID += "-" + name
		l.given["KAFKA_GROUP_ID"] = value{}
		l.origins[prefixOf(name)+"KAFKA_GROUP_ID"] = fromDefault
	}
	k.derive(c.Service)
	l.validate(&of)
	l.checkKafka(k)
	l.checkGroup(c.Kafka, k)
	if err := l.err(); err != nil {
		return *k, err
	}
	l.consumers[name] = *k
	return *k, nil
}

// checkGroup refuses a group that another consumer has: its members would be
// given partitions of topics that they do not read.
func (l *loader) checkGroup(first Kafka, k *Kafka) {
	l.relate(k.GroupID != "", "KAFKA_GROUP_ID", noGroup)
	taken := func(by string, other Kafka) {
		l.relate(other.GroupID != k.GroupID || !slices.Equal(other.Brokers, k.Brokers), "KAFKA_GROUP_ID",
			"is the group of %s too; a consumer with topics of its own needs a group of its own", by)
	}
	taken("the first consumer", first)
	for _, other := range slices.Sorted(maps.Keys(l.consumers)) {
		taken("consumer "+other, l.consumers[other])
	}
}

const noGroup = "a consumer needs a group; services that share it share the work"

// RequireGroup returns an error if there is no group: consuming needs one,
// publishing does not.
func (k Kafka) RequireGroup() error {
	if k.GroupID != "" {
		return nil
	}
	return &Error{[]Problem{{"KAFKA_GROUP_ID", "KAFKA_GROUP_ID is not set: " + noGroup}}}
}

// CheckUnread is called when every consumer has asked for its settings. The
// error lists names that look like a consumer's settings and are not; unread
// lists the other names in .env that no setting has: they may be a typing
// error, or another program's.
func (c Config) CheckUnread() (unread []string, err error) {
	l := c.loader
	l.eachUnread(func(variable string, v value) {
		before, rest, _ := strings.Cut(variable, "_"+kafkaPrefix)
		name := strings.ToLower(strings.ReplaceAll(before, "_", "-"))
		_, isConsumer := l.consumers[name]
		_, isSetting := l.setting(kafkaPrefix + rest)
		switch {
		case isConsumer && rest != "":
			l.unknown(v, variable, l.variables(prefixOf(name)))
		case isSetting:
			l.note("%s: the service has no consumer %q; it has %q", v.at(), name, slices.Sorted(maps.Keys(l.consumers)))
		default:
			unread = append(unread, v.at()+" is read by nothing"+didYouMean(nearest(variable, l.variables(""))))
		}
	})
	return unread, l.err()
}

// checkUnknown refuses names in .env that begin as the settings of Kafka and are
// none.
func (l *loader) checkUnknown() {
	l.eachUnread(func(variable string, v value) {
		if strings.HasPrefix(variable, kafkaPrefix) && variable != "KAFKA_IMAGE" { // the tests' own
			l.unknown(v, variable, l.variables(""))
		}
	})
}

// eachUnread yields the variables of .env, YAML and maps that were not looked up.
func (l *loader) eachUnread(yield func(variable string, v value)) {
	for _, layer := range l.layers {
		for _, name := range slices.SortedFunc(maps.Keys(layer), func(a, b string) int {
			return cmp.Or(cmp.Compare(layer[a].line, layer[b].line), cmp.Compare(a, b))
		}) {
			if v := layer[name]; !l.asked[name] && (v.line > 0 || v.file == fromMap) {
				yield(name, v)
			}
		}
	}
}

// variables returns the names of the service's settings in the environment, or
// those of a consumer, which begin with prefix.
func (l *loader) variables(prefix string) []string {
	var names []string
	for _, f := range l.known {
		if prefix == "" || strings.HasPrefix(f.Name, kafkaPrefix) {
			names = append(names, prefix+f.Name)
		}
	}
	return names
}

// prefixOf returns what stands before the names of a consumer's own settings in
// the environment; nothing for no consumer.
func prefixOf(consumer string) string {
	if consumer == "" {
		return ""
	}
	return strings.ToUpper(strings.ReplaceAll(consumer, "-", "_")) + "_"
}
