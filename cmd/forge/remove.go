package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ouroboros-forge/forge/internal/answers"
)

func removeCommand(t terminal) *cobra.Command {
	var o changeOptions
	cmd := &cobra.Command{
		Use:   "remove EXTRA...",
		Short: "Remove a topic, or an extra, from a service",
		Long: `remove takes extras out of the service that the working directory is in: those that
` + "`forge add --help`" + ` lists. A topic is removed with ` + "`forge remove handler`" + `.

What is as forge wrote it goes. What you have changed stays, and is listed. ` + "`forge undo`" + `
takes it back.`,
		Example: `  forge remove handler payments
  forge remove docker`,
		Args:        someExtras("remove"),
		Annotations: takesArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := openSite(t)
			if err != nil {
				return err
			}
			r, err := s.removeExtras(splitArgs(args))
			if err != nil {
				return err
			}
			return o.change(cmd.Context(), t, s, r)
		},
		ValidArgsFunction: completeExtras(true),
	}
	o.define(cmd)
	cmd.AddCommand(removeHandlerCommand(t))
	return cmd
}

func removeHandlerCommand(t terminal) *cobra.Command {
	var o changeOptions
	cmd := &cobra.Command{
		Use:   "handler TOPIC...",
		Short: "Remove topics, each with its handler",
		Long: `handler takes topics out of the service that the working directory is in, with their
handlers, models, tests and samples, and their lines in handlers.Register. What you
have changed stays, and so does what other files of yours use, those of modules in
directories below among them: both are listed. So are Go files that may use what goes,
and that forge cannot read or does not change: those that do not parse, and links.`,
		Example: `  forge remove handler payments`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("as in `forge remove handler payments`", "TOPIC is missing: which topic is to be removed?")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := openSite(t)
			if err != nil {
				return err
			}
			r, err := s.removeTopics(splitArgs(args))
			if err != nil {
				return err
			}
			return o.change(cmd.Context(), t, s, r)
		},
		ValidArgsFunction: completeTopics,
	}
	o.define(cmd)
	return cmd
}

func completeTopics(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	record, err := recordHere()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return missing(record.Answers.Topics, args), cobra.ShellCompDirectiveNoFileComp
}

// removeTopics are the answers without topics.
func (s *site) removeTopics(topics []string) (request, error) {
	r := request{title: strings.Join(append([]string{"remove handler"}, topics...), " "), answers: s.copy()}
	for _, topic := range topics {
		if !slices.Contains(s.record.Answers.Topics, topic) {
			if name := nearest(topic, s.record.Answers.Topics); name != "" && !slices.Contains(topics, name) {
				return r, usage("did you mean "+name+"?", "%q is not one of the topics, which are %s", topic, strings.Join(s.record.Answers.Topics, ", "))
			}
			r.there = append(r.there, "the topic "+topic+" is not there; the topics are "+strings.Join(s.record.Answers.Topics, ", "))
		}
	}
	r.answers.Topics = missing(s.record.Answers.Topics, topics)
	maps.DeleteFunc(r.answers.Schemas, func(topic string, _ answers.Schema) bool { return slices.Contains(topics, topic) })
	if len(r.answers.Topics) == 0 {
		return r, usage("add another topic first, with `forge add handler`", "%s cannot go: a service has at least one topic", strings.Join(s.record.Answers.Topics, ", "))
	}
	return r, nil
}

// removeExtras are the answers without extras.
func (s *site) removeExtras(extras []string) (request, error) {
	r := request{title: strings.Join(append([]string{"remove"}, extras...), " "), answers: s.copy()}
	for _, extra := range extras {
		switch {
		case slices.Contains(answers.Sources(), extra):
			return r, usage("a service has exactly one source of messages", "%s cannot go: it is where messages come from", extra)
		case !s.record.Answers.Has(extra):
			r.there = append(r.there, extra+" is not there")
		}
	}
	r.answers.With = missing(s.record.Answers.With, extras)
	return r, nil
}
