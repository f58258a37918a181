package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/project"
)

func addCommand(t terminal) *cobra.Command {
	var o changeOptions
	cmd := &cobra.Command{
		Use:   "add EXTRA...|SOURCE",
		Short: "Add a topic, or an extra, to a service, or give it another source",
		Long: `add puts extras into the service that the working directory is in, with all that
belongs to them. A topic is added with ` + "`forge add handler`" + `. The extras are

` + extraList() + `
A source takes the place of the one that the service has; handlers and models stay as
they are. Where you and the new source changed the same lines, of compose.yaml say, both
are in the file between markers, which status and doctor name until it is put right.
The sources are

` + sourceList() + `
Files that you have not changed are written anew. In those that are yours forge adds
its lines and keeps the rest; where it cannot tell the place, it says what to write
before anything is written. ` + "`forge undo`" + ` takes it back.`,
		Example: `  forge add handler payments
  forge add avro
  forge add http --dry-run
  forge add jetstream`,
		Args:        someExtras("add"),
		Annotations: takesArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := openSite(t)
			if err != nil {
				return err
			}
			r, err := s.addExtras(splitArgs(args))
			if err != nil {
				return err
			}
			return o.change(cmd.Context(), t, s, r)
		},
		ValidArgsFunction: completeAdd,
	}
	o.define(cmd)
	cmd.AddCommand(addHandlerCommand(t))
	return cmd
}

func addHandlerCommand(t terminal) *cobra.Command {
	var o changeOptions
	var schemas schemaFlag
	cmd := &cobra.Command{
		Use:   "handler TOPIC...",
		Short: "Add topics, each with a handler of its own",
		Long: `handler adds topics to the service that the working directory is in: for each a
handler, a model, their tests and samples, its line in handlers.Register, and where
the service has them compose.yaml and an endpoint in web/.`,
		Example: `  forge add handler payments
  forge add handler payments --schema payment.avsc
  forge add handler payments refunds --schema refunds=refund.json
  curl … | forge add handler payments --schema -`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 && len(schemas) == 0 {
				return usage("as in `forge add handler payments`", "TOPIC is missing: which topic is to be added?")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := openSite(t)
			if err != nil {
				return err
			}
			r, err := s.addTopics(t, splitArgs(args), schemas)
			if err != nil {
				return err
			}
			return o.change(cmd.Context(), t, s, r)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().Var(&schemas, "schema", "make the topic's model from an Avro schema, a JSON Schema or a message: a file, or TOPIC=FILE, - is stdin; repeatable")
	_ = cmd.MarkFlagFilename("schema", "avsc", "json")
	o.define(cmd)
	return cmd
}

// splitArgs takes lists with commas apart, as --topics and --with do.
func splitArgs(args []string) []string {
	var all []string
	for _, arg := range args {
		all = append(all, strings.Split(arg, ",")...)
	}
	return all
}

// addTopics are the answers with more topics.
func (s *site) addTopics(t terminal, topics []string, schemas schemaFlag) (request, error) {
	r := request{title: strings.Join(append([]string{"add handler"}, topics...), " "), answers: s.copy()}
	flags, more, err := topicSchemas(topics, schemas)
	if err != nil {
		return r, err
	}
	if len(more) > 0 {
		topics = append(topics, more...)
		r.title += " " + strings.Join(more, " ")
	}
	for _, topic := range topics {
		if slices.Contains(s.record.Answers.Topics, topic) {
			r.there = append(r.there, "the topic "+topic+" is there already")
			continue
		}
		r.answers.Topics = append(r.answers.Topics, topic)
	}
	known := answerFlags{schemas: flags}
	if _, err := known.readSchemas(&r.answers, t.stdin); err != nil {
		return r, refused(err)
	}
	for _, topic := range slices.Sorted(maps.Keys(r.answers.Schemas)) {
		schema := r.answers.Schemas[topic]
		if slices.Contains(s.record.Answers.Topics, topic) && !schema.IsSame(s.record.Answers.Schemas[topic]) {
			return r, usage("change its model in models/, or remove the topic first", "the topic %s is there already, and its model is not made from %s", topic, schema.File)
		}
	}
	maps.Copy(r.answers.Schemas, s.record.Answers.Schemas) // the same text under another name is nothing new
	return r, nil
}

// topicSchemas gives each schema its topic, where it says none that of the one
// that is added, and returns the topics that schemas alone name.
func topicSchemas(topics []string, schemas schemaFlag) (flags schemaFlag, more []string, err error) {
	for _, schema := range schemas {
		topic, _, ok := strings.Cut(schema, "=")
		switch {
		case !ok && len(topics) == 1:
			topic = topics[0]
			schema = topic + "=" + schema
		case !ok:
			return nil, nil, usage("as in --schema payments="+schema, "schema: %q does not say for which topic", schema)
		case len(topics) > 0 && !slices.Contains(topics, topic):
			return nil, nil, usage("name all topics, or in --schema alone", "--schema: %q is not one of the topics to add, which are %s", topic, strings.Join(topics, ", "))
		case len(topics) == 0 && !slices.Contains(more, topic):
			more = append(more, topic)
		}
		flags = append(flags, schema)
	}
	return flags, more, nil
}

// addExtras are the answers with more extras.
func (s *site) addExtras(extras []string) (request, error) {
	r := request{title: strings.Join(append([]string{"add"}, extras...), " "), answers: s.copy()}
	for _, extra := range extras {
		switch {
		case extra == s.record.Answers.Source, slices.Contains(s.record.Answers.With, extra):
			r.there = append(r.there, extra+" is there already")
		case slices.Contains(answers.Sources(), extra):
			if slices.ContainsFunc(extras, func(other string) bool { return other != extra && slices.Contains(answers.Sources(), other) }) {
				return r, usage("a service has one source of messages", "%s are several sources", strings.Join(extras, ", "))
			}
			if kept := s.notFor(extra); len(kept) > 0 {
				return r, usage("`forge remove "+strings.Join(kept, " ")+"` first", "the source %s does not go with %s, which the service has", extra, strings.Join(kept, ", "))
			}
			r.setSource(extra)
		case !slices.Contains(r.answers.With, extra):
			r.answers.With = answers.Insert(r.answers.With, extra)
		}
	}
	return r, nil
}

// notFor returns the extras of the service that a source cannot have.
func (s *site) notFor(source string) []string {
	return slices.DeleteFunc(slices.Clone(s.record.Answers.With), func(extra string) bool {
		return answers.CheckExtrasFor(source, []string{extra}) == nil
	})
}

// copy returns the recorded answers, to be changed.
func (s *site) copy() answers.Answers {
	a := s.record.Answers
	a.Topics, a.With, a.Schemas = slices.Clone(a.Topics), slices.Clone(a.With), maps.Clone(a.Schemas)
	return a
}

// someExtras checks the names of extras, before a project is looked for.
func someExtras(verb string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usage("as in `forge "+verb+" handler payments`, or `forge "+verb+" avro`; see `"+cmd.CommandPath()+" --help`", "what is to be %s?", participle[verb])
		}
		for _, arg := range splitArgs(args) {
			if slices.Contains(extraNames(), arg) || slices.Contains(answers.Sources(), arg) {
				continue
			}
			hint := "the extras are " + strings.Join(extraNames(), ", ") + "; a topic: `forge " + verb + " handler " + args[len(args)-1] + "`"
			known, what := append(extraNames(), "handler"), "is not an extra"
			if verb == "add" {
				what = "is neither an extra nor a source"
				hint = "the sources are " + strings.Join(answers.Sources(), ", ") + "; " + hint
				known = append(known, answers.Sources()...)
			}
			if name := nearest(arg, known); name != "" {
				hint = "did you mean `forge " + verb + " " + name + "`?"
			}
			return usage(hint, "%q %s", arg, what)
		}
		return nil
	}
}

var participle = map[string]string{"add": "added", "remove": "removed"}

// sourceList has a line for each source.
func sourceList() string {
	var b strings.Builder
	for _, name := range answers.Sources() {
		fmt.Fprintf(&b, "  %-11s %s\n", name, answers.SourceHelp(name))
	}
	return b.String()
}

// extraList has a line for each extra.
func extraList() string {
	var b strings.Builder
	for _, e := range answers.Extras() {
		fmt.Fprintf(&b, "  %-10s %s\n", e.Name, e.Title)
	}
	return b.String()
}

func extraNames() []string {
	var names []string
	for _, e := range answers.Extras() {
		names = append(names, e.Name)
	}
	return names
}

// completeExtras completes the extras that the project has, or has not.
func completeExtras(has bool) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		var names []string
		record, err := recordHere()
		for _, e := range answers.Extras() {
			if !slices.Contains(args, e.Name) && (err != nil || record.Answers.Has(e.Name) == has) {
				names = append(names, e.Name+"\t"+e.Title)
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeAdd completes the extras that the project has not, and the sources but its own:
// it has one.
func completeAdd(cmd *cobra.Command, args []string, begins string) ([]string, cobra.ShellCompDirective) {
	names, directive := completeExtras(false)(cmd, args, begins)
	if slices.ContainsFunc(args, func(arg string) bool { return slices.Contains(answers.Sources(), arg) }) {
		return names, directive
	}
	record, _ := recordHere() // without one any source is another
	sources, _ := completeSources(record.Answers.Source)(cmd, nil, begins)
	return append(names, sources...), directive
}

// completeSources completes the sources but one.
func completeSources(but string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) (all []string, _ cobra.ShellCompDirective) {
		for _, source := range answers.Sources() {
			if source != but {
				all = append(all, source+"\t"+answers.SourceHelp(source))
			}
		}
		return all, cobra.ShellCompDirectiveNoFileComp
	}
}

// recordHere reads the record of the project around, and says nothing.
func recordHere() (project.Project, error) {
	root, err := findSite()
	if err != nil {
		return project.Project{}, err
	}
	return project.Load(root)
}

// setSource asks for another source, and says what it does not bring.
func (r *request) setSource(to string) {
	from := r.answers
	if answers.SetSource(&r.answers, to); r.answers.BrokerName() != from.BrokerName() {
		r.answers.Brokers = answers.BrokersFor(to, answers.Defaults(r.answers.Name).Brokers) // the old ones are no address of it
	}
	group := "the group keeps its name"
	if to == answers.RabbitMQ {
		group = "the group's name is gone, since RabbitMQ has no groups"
	}
	r.notes = append(r.notes,
		fmt.Sprintf("source %s in the place of %s; at the brokers nothing is moved:", to, from.Source),
		"- what is left in the old topics is not handled: drain them before you deploy",
		"- producers, dead letters and the place to which the group has read stay where they are",
		"- settings of the new source have their defaults, and "+group+": look through .env",
	)
}
