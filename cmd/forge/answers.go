package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/model"
	"github.com/ouroboros-forge/forge/internal/prompts"
)

// answerFlags are the flags that answer questions, and the file that does.
type answerFlags struct {
	given         map[string]string // what flags answer, by the questions' keys
	with, without listFlag
	schemas       schemaFlag
	file          string // path of the answers file

	stdin    io.Reader
	data     []byte // what is in the file
	fromFile answers.Answers
}

// withoutFlag takes extras away; it is the only flag here that is no question.
const withoutFlag = "without"

// define adds a flag for each question.
func (f *answerFlags) define(cmd *cobra.Command) {
	defaults := answers.Defaults("NAME")
	flags := cmd.Flags()
	for _, q := range prompts.Questions(&defaults) {
		help := fmt.Sprintf("%s: %s (default %s)", q.Title, q.Help, q.Default)
		switch {
		case q.Options != nil:
			flags.Var(&f.with, q.Key, fmt.Sprintf("%s to include:\n%s", q.Title, optionHelp(q)))
			flags.Var(&f.without, withoutFlag, fmt.Sprintf("%s to leave out (those included by default are %s)", q.Title, q.Default))
			complete := cobra.FixedCompletions(optionList(q), cobra.ShellCompDirectiveNoFileComp)
			_ = cmd.RegisterFlagCompletionFunc(q.Key, complete)
			_ = cmd.RegisterFlagCompletionFunc(withoutFlag, complete)
		case q.List:
			flags.Var(new(listFlag), q.Key, help)
		default:
			flags.Var(new(textFlag), q.Key, help)
		}
		switch {
		case q.Key == answers.Source:
			_ = cmd.RegisterFlagCompletionFunc(q.Key, completeSources(""))
		case q.Options == nil:
			_ = cmd.RegisterFlagCompletionFunc(q.Key, cobra.NoFileCompletions)
		}
	}
	flags.Var(&f.schemas, "schema", "make the topic's model from an Avro schema, a JSON Schema or a message: a file, or - for stdin; repeatable")
	flags.StringVar(&f.file, "answers", "", "YAML `file` with these flags' names as keys, or - for stdin")
	_ = cmd.MarkFlagFilename("answers", "yaml", "yml")
	flags.SortFlags = false
}

func optionList(q prompts.Question) []string {
	var all []string
	for _, o := range q.Options {
		all = append(all, o.Key+"\t"+o.Help)
	}
	return all
}

// optionHelp says what each option is, a line each.
func optionHelp(q prompts.Question) string {
	var lines []string
	width := 0
	for _, o := range q.Options {
		width = max(width, len(o.Key))
	}
	for _, o := range q.Options {
		line := fmt.Sprintf("%-*s  %s", width, o.Key, o.Help)
		if slices.Contains(prompts.SplitList(q.Default), o.Key) {
			line += " (default)"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// givenFlags are the answers that flags give, by the questions' keys. Extras
// are not among them: their two flags change what is there.
func givenFlags(cmd *cobra.Command) map[string]string {
	given := make(map[string]string)
	for _, q := range prompts.Questions(new(answers.Answers)) {
		flag := cmd.Flags().Lookup(q.Key)
		if flag.Changed && q.Options == nil {
			given[q.Key] = flag.Value.String()
		}
	}
	return given
}

// listFlag is a flag that may be given several times, with commas or without.
type listFlag []string

func (f *listFlag) String() string     { return strings.Join(*f, ",") }
func (f *listFlag) Set(s string) error { *f = append(*f, s); return nil }
func (f *listFlag) Type() string       { return "list" }

// items are all that were given.
func (f *listFlag) items() []string { return prompts.SplitList(f.String()) }

// textFlag is a flag whose value stands as it is.
type textFlag string

func (f *textFlag) String() string     { return string(*f) }
func (f *textFlag) Set(s string) error { *f = textFlag(s); return nil }
func (f *textFlag) Type() string       { return "text" }

// maxFile is more than any answers need, and ends a stdin that does not.
const maxFile = 1 << 20

// openFile opens a file to read. A named pipe into which nobody writes is empty: to
// open it in the usual way would wait, and hear no signal.
func openFile(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

// readFile reads the answers file, if there is one.
func (f *answerFlags) readFile(stdin io.Reader) error {
	f.stdin = stdin
	if f.file == "" {
		return nil
	}
	if f.file == model.Stdin && f.schemas.readsStdin() {
		return usage(onceHint, "schema: stdin can be read once, and --answers and a schema would both be read from it")
	}
	data, name, err := f.content(stdin)
	if err != nil {
		return usage("--answers takes the path of a YAML file, or - for stdin", "%w", err)
	}
	f.data = data
	if f.fromFile, err = answers.Parse(data, answers.Answers{}); err != nil {
		return usage("the keys are name, module, topics, group, source, brokers, with and schemas, as in `topics: [orders, payments]`", "%s: %w", name, err)
	}
	return nil
}

// content is what is in the answers file, and what to call it.
func (f *answerFlags) content(stdin io.Reader) (data []byte, name string, err error) {
	from, name := stdin, "stdin"
	if f.file != "-" {
		file, err := openFile(f.file)
		if err != nil {
			return nil, f.file, err
		}
		defer func() { _ = file.Close() }()
		from, name = file, f.file
	}
	data, err = io.ReadAll(io.LimitReader(from, maxFile+1))
	if len(data) > maxFile {
		err = fmt.Errorf("%s has more than %d bytes", name, maxFile)
	}
	return data, name, err
}

// inFile reports whether the file answers the question of that key.
func (f *answerFlags) inFile(key string) bool {
	switch key {
	case answers.Module:
		return f.fromFile.Module != ""
	case answers.Source:
		return f.fromFile.Source != ""
	case answers.Topics:
		return f.fromFile.Topics != nil
	case answers.Group:
		return f.fromFile.Group != ""
	case answers.Brokers:
		return f.fromFile.Brokers != nil
	case answers.With:
		return f.fromFile.With != nil
	}
	return false
}

// name is the service's name or path: the argument's, else the file's, else
// empty.
func (f *answerFlags) name(args []string) string {
	if len(args) > 0 {
		return args[0]
	}
	return f.fromFile.Name
}

// answers are those that are given for a service of that name, over the
// defaults, and the questions that they leave open. The error tells every
// answer that is refused.
func (f *answerFlags) answers(name string) (*answers.Answers, []prompts.Question, error) {
	a, err := answers.Parse(f.data, answers.Defaults(name))
	if err != nil {
		return nil, nil, err
	}
	a.Name = name
	if !f.inFile(answers.Brokers) {
		answers.SetSource(&a, a.Source)
	}
	if err := f.changeExtras(&a); err != nil {
		return nil, nil, err
	}
	topics, err := f.readSchemas(&a, f.stdin)
	if err := refused(err); err != nil {
		return nil, nil, err
	}
	if _, ok := f.given[answers.Topics]; !ok && !f.inFile(answers.Topics) && len(topics) > 0 {
		a.Topics = topics
	}
	var open []prompts.Question
	var problems []error
	for _, q := range prompts.Questions(&a) {
		if answer, ok := f.given[q.Key]; ok {
			problems = append(problems, q.Accept(answer))
		} else if !f.answered(q) {
			open = append(open, q)
		}
	}
	if err := refused(errors.Join(problems...)); err != nil {
		return nil, nil, err
	}
	return &a, open, refused(a.Validate())
}

// answered reports whether q is answered by something else than a flag of its own.
func (f *answerFlags) answered(q prompts.Question) bool {
	return f.inFile(q.Key) || q.Options != nil && len(f.with)+len(f.without) > 0
}

// changeExtras adds --with to the extras and takes --without away.
func (f *answerFlags) changeExtras(a *answers.Answers) error {
	with, without := f.with.items(), f.without.items()
	if err := errors.Join(answers.CheckExtras(with), answers.CheckExtras(without)); err != nil {
		return refused(err)
	}
	for _, extra := range with {
		if slices.Contains(without, extra) {
			return usage("leave one of them out", "%q is in --with and in --without", extra)
		}
	}
	wanted := slices.Clone(a.With)
	for _, extra := range with {
		if !slices.Contains(a.With, extra) {
			wanted = append(wanted, extra)
		}
	}
	a.With = nil
	for _, extra := range wanted {
		if !slices.Contains(without, extra) {
			a.With = answers.Insert(a.With, extra)
		}
	}
	return nil
}

// refused gives the problems of answers their exit code and hints.
func refused(err error) error {
	problems := answers.Problems(err)
	if len(problems) == 0 {
		return err
	}
	var lines, hints []string
	for _, p := range problems {
		lines = append(lines, p.Question+": "+prompts.Describe(p))
		if hint := prompts.Hint(p); !slices.Contains(hints, hint) {
			hints = append(hints, hint)
		}
	}
	return &failure{code: exitUsage, err: errors.New(strings.Join(lines, "\n")), hint: strings.Join(hints, "\n")}
}
