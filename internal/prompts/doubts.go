package prompts

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ouroboros-forge/forge/internal/answers"
)

// Doubts returns what is odd about answers that are valid, a line each.
func Doubts(a answers.Answers) []string {
	var all []string
	for _, q := range Questions(&a) {
		if doubt := q.doubt(q.Default); doubt != "" {
			all = append(all, q.Title+": "+doubt)
		}
	}
	return all
}

// doubtModule finds a repository's host and owner without the repository.
func doubtModule(module string) string {
	for _, host := range []string{"github.com/", "gitlab.com/", "bitbucket.org/"} {
		if owner, ok := strings.CutPrefix(module, host); ok && !strings.Contains(owner, "/") {
			return fmt.Sprintf("%q names no repository, as %s%s/my-service would", module, host, owner)
		}
	}
	return ""
}

// doubtGroup finds the answers to other questions.
func doubtGroup(group string) string {
	switch {
	case strings.Contains(group, ","):
		return fmt.Sprintf("%q has a comma, but is taken as one name; did you mean topics?", group)
	case strings.Contains(group, "/"):
		return fmt.Sprintf("%q has a slash, as a module's path has; a group's name is mostly one word", group)
	}
	return ""
}

// doubtExtras finds fast where it does nothing by itself.
func doubtExtras(with string) string {
	if names := SplitList(with); slices.Contains(names, answers.Fast) && slices.Contains(names, answers.Avro) {
		return `"fast" reads JSON: with "avro", it is for topics that are given its codec (docs/handlers.md)`
	}
	return ""
}

func doubtBrokers(brokers string) string {
	for _, broker := range SplitList(brokers) {
		if strings.HasSuffix(broker, ":2181") {
			return fmt.Sprintf("%q has the port of ZooKeeper; Kafka's is mostly 9092", broker)
		}
	}
	return ""
}
