package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ouroboros-forge/forge/internal/landing"
	"github.com/ouroboros-forge/forge/internal/plan"
)

func renameCommand(t terminal) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rename",
		Short: "Rename a topic, or the module, of a service",
		Long: `rename gives a topic of the service that the working directory is in another name,
or its module another path: in what forge wrote and in what is yours, wherever it is
used. What Go declares is found by scopes and imports, not by its letters; where that
does not tell what is meant, it says so before anything is written. ` + "`forge undo`" + ` takes it
back.`,
		Args: knownCommand,
		RunE: func(*cobra.Command, []string) error {
			return usage("as in `forge rename handler orders purchases`, or `forge rename module example.com/me/shop`", "what is to be renamed?")
		},
	}
	cmd.AddCommand(renameHandlerCommand(t), renameModuleCommand(t))
	return cmd
}

func renameHandlerCommand(t terminal) *cobra.Command {
	var o changeOptions
	cmd := &cobra.Command{
		Use:   "handler OLD NEW",
		Short: "Give a topic, and its handler, another name",
		Long: `handler gives a topic of the service that the working directory is in another name:
its files, its handler, its model and all that is called after them, in your files too,
with your edits kept. Texts that are the topic are renamed where they can be nothing
else: where it is registered, what its model says of itself, and the topic and type of
sample messages. Other texts and files with the same word are listed, and so are comments
of Go that name the topic or what was called after it.

At the broker nothing is renamed: the old topic stays, with what is in it, with the place to
which the group has read, and with its dead letters.`,
		Example: `  forge rename handler orders purchases`,
		Args:    namedArguments("OLD", "NEW", "as in `forge rename handler orders purchases`"),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := openSite(t)
			if err != nil {
				return err
			}
			r, err := s.renameTopic(args[0], args[1])
			if err != nil {
				return err
			}
			return o.change(cmd.Context(), t, s, r)
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return completeTopics(cmd, args, word)
		},
	}
	o.define(cmd)
	return cmd
}

func renameModuleCommand(t terminal) *cobra.Command {
	var o changeOptions
	cmd := &cobra.Command{
		Use:   "module PATH",
		Short: "Give the module another path",
		Long: `module gives the module of the service that the working directory is in another path:
in go.mod, and in the imports of all its Go files. Vendored libraries and modules of
their own in directories below are left alone. Texts and comments that name the old
path are listed, and so is what else imports it: modules of the same go.work, or in
directories above.`,
		Example: `  forge rename module github.com/me/shop`,
		Args:    namedArguments("PATH", "", "as in `forge rename module github.com/me/shop`"),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := openSite(t)
			if err != nil {
				return err
			}
			return o.change(cmd.Context(), t, s, s.renameModule(args[0]))
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	o.define(cmd)
	return cmd
}

// namedArguments wants one argument, or two, and names the one that is missing.
func namedArguments(first, second, example string) cobra.PositionalArgs {
	names := slices.DeleteFunc([]string{first, second}, func(name string) bool { return name == "" })
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usage(example, "%s is missing", names[len(args)])
		case len(args) > len(names):
			return usage(example, "%s is expected, but got %s", strings.Join(names, " "), strings.Join(args, " "))
		}
		return nil
	}
}

// renameTopic are the answers with a topic of another name, in its old place.
func (s *site) renameTopic(from, to string) (request, error) {
	r := request{title: "rename handler " + from + " " + to, answers: s.copy(), renamed: [2]string{from, to}}
	topics := s.record.Answers.Topics
	i, isThere := slices.Index(topics, from), slices.Contains(topics, to)
	switch {
	case from == to && isThere:
		r.there = append(r.there, "the topic "+to+" is there already")
		return r, nil
	case isThere && i < 0 && s.isLast(r.title):
		r.there = append(r.there, "the topic "+to+" is there already, and none is called "+from)
		return r, nil
	case isThere && i >= 0:
		return r, usage("choose another name, or remove it first with `forge remove handler "+to+"`", "the topic %s is there already, beside %s", to, from)
	case i < 0:
		hint := "name one of them"
		if name := nearest(from, topics); name != "" {
			hint = "did you mean " + name + "?"
		}
		return r, usage(hint, "%q is not one of the topics, which are %s", from, strings.Join(topics, ", "))
	}
	r.answers.Topics[i] = to
	if schema, ok := r.answers.Schemas[from]; ok {
		r.answers.Schemas[to] = schema
		delete(r.answers.Schemas, from)
	}
	r.plan = func(in plan.Input) plan.Plan { return plan.RenameTopic(in, from, to) }
	r.notes = s.brokerNotes(from, to)
	return r, nil
}

// isLast reports whether a command is the last one that changed the project.
func (s *site) isLast(title string) bool {
	last, _, err := landing.Last(s.root)
	return err == nil && last.Title == title
}

// brokerNotes say what a rename does not do.
func (s *site) brokerNotes(from, to string) []string {
	notes := []string{
		"at the broker nothing is renamed:",
		fmt.Sprintf("- the topic %s stays, and the service reads it no more: drain it before you deploy, or what is left in it is not handled", from),
	}
	if s.record.Answers.KeepsPositions() {
		notes = append(notes, fmt.Sprintf("- the group %s has no position in %s, and begins there at the earliest message, unless a setting says otherwise", s.record.Answers.Group, to))
	}
	return append(notes, fmt.Sprintf("- dead letters go to %s.dlq; earlier ones stay in %s.dlq", to, from))
}

// renameModule are the answers with another module.
func (s *site) renameModule(to string) request {
	r := request{title: "rename module " + to, answers: s.copy()}
	from := s.record.Answers.Module
	if from == to {
		r.there = append(r.there, "the module is "+to+" already")
		return r
	}
	r.answers.Module = to
	r.plan = func(in plan.Input) plan.Plan { return plan.RenameModule(in, to) }
	r.left = importers(s.root, from, to)
	return r
}
