package main

import (
	"slices"
	"strings"

	"github.com/ouroboros-forge/forge/internal/answers"
)

// command is the command line that gives the same service without a question:
// what differs from the defaults, as flags.
func (r result) command(run bool) string {
	a, words := r.answers, []string{"forge new", shellQuote(r.target.path)}
	add := func(flag, value string) { words = append(words, "--"+flag, shellWord(value)) }
	without := answers.Defaults(a.Name)
	if topics := a.SchemaTopics(); len(topics) > 0 {
		without.Topics = topics
	}
	if a.Module != without.Module {
		add(answers.Module, a.Module)
	}
	for _, topic := range a.SchemaTopics() {
		add("schema", topic+"="+a.Schemas[topic].File)
	}
	if !slices.Equal(a.Topics, without.Topics) {
		add(answers.Topics, strings.Join(a.Topics, ","))
	}
	if a.Group != without.Group {
		add(answers.Group, a.Group)
	}
	if a.Source != without.Source {
		add(answers.Source, a.Source)
		answers.SetSource(&without, a.Source)
	}
	if !slices.Equal(a.Brokers, without.Brokers) {
		add(answers.Brokers, strings.Join(a.Brokers, ","))
	}
	if more := missing(a.With, without.With); len(more) > 0 {
		add(answers.With, strings.Join(more, ","))
	}
	if less := missing(without.With, a.With); len(less) > 0 {
		add(withoutFlag, strings.Join(less, ","))
	}
	if r.git != "" {
		words = append(words, "--git")
	}
	if run {
		words = append(words, "--run")
	}
	return strings.Join(append(words, "--no-input"), " ")
}

// missing returns what is in from and not in list.
func missing(from, list []string) []string {
	return slices.DeleteFunc(slices.Clone(from), func(s string) bool { return slices.Contains(list, s) })
}
