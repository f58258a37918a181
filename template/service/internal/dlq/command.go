package dlq

import (
	"context"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ouroboros-forge/forge/template/service/internal/deadletter"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

const usage = `dlq ls [TOPIC…]                   count the dead letters by topic, class and reason
dlq show ` + placeForm + `   print one, with its body
dlq redrive [TOPIC…]              send them back to the topics they came from
dlq purge [TOPIC…]                delete ` + purgeSays + `

TOPIC is a dead letter topic, or one that the service consumes; without any it is all of those. redrive and purge only
say what they would do, unless they are told to --execute.

  --class CLASS     only those of a class: decode, invalid, unhandled, handler, panic, timeout, or one of your own
  --reason TEXT     only those whose reason has TEXT in it; numbers are all alike
  --type TYPE       only those of a message type
  --key KEY         only those with a key
  --since TIME      only those that failed at TIME or later: 2026-01-02T15:04:05Z, or 2h for two hours ago
  --until TIME      only those that failed before TIME
  --any-group       also those of other consumer groups, which get theirs back; ` + purgeAnyGroup + `
  --execute         do it                                                    (redrive, purge)
  --max N           at most N                                                (redrive)
  --rate N          at most N each second                                    (redrive)
  --to TOPIC        to this topic, which REDRIVE_TOPICS must allow           (redrive)
  --all             ` + allSays + `
  --json            print JSON                                               (all but purge)

Exit codes: 0 done, 1 failed or some could not be read, 2 wrong usage.
`

// minRate is one in a quarter of an hour.
const minRate = 0.001

// options are what the command line says.
type options struct {
	selection selection
	topics    []string
	execute   bool
	all       bool
	json      bool
	max       int
	rate      float64
	to        string
}

// Command does what the arguments after `dlq` ask for and returns the exit code.
// --to takes the topics that are allowed.
func Command(ctx context.Context, consumers []Consumer, allowed, args []string, stdout, stderr io.Writer) int {
	name, o, err := parse(args, time.Now())
	if err == nil && o.to != "" && !slices.Contains(allowed, o.to) {
		err = fmt.Errorf("--to %s: REDRIVE_TOPICS=%s does not have it: add it there", o.to, strings.Join(allowed, ","))
	}
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage)
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "dlq: %v; see `dlq help`\n", err)
		return 2
	}
	c := command{options: o, consumers: consumers, report: newReport(stdout, stderr)}
	if err := c.run(ctx, name); err != nil {
		fmt.Fprintf(stderr, "dlq %s: %v\n", name, err)
		return 1
	}
	return 0
}

func parse(args []string, now time.Time) (name string, o options, err error) {
	if len(args) == 0 {
		return "", o, errors.New("say what to do with the dead letters: ls, show, redrive or purge")
	}
	flags := flag.NewFlagSet("dlq", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the error has it all
	s := &o.selection
	flags.Func("class", "", textOf(&s.class))
	flags.Func("reason", "", textOf(&s.reason))
	flags.Func("type", "", textOf(&s.kind))
	flags.Func("key", "", textOf(&s.key))
	flags.Func("since", "", timeOf(now, &s.since))
	flags.Func("until", "", timeOf(now, &s.until))
	flags.BoolVar(&s.anyGroup, "any-group", false, "")
	flags.BoolVar(&o.execute, "execute", false, "")
	flags.Func("max", "", func(text string) (err error) {
		if o.max, err = strconv.Atoi(text); err != nil || o.max < 1 {
			return errors.New("it must be a whole number, at least 1")
		}
		return nil
	})
	flags.Func("rate", "", func(text string) (err error) {
		if o.rate, err = strconv.ParseFloat(text, 64); err != nil || !(o.rate >= minRate) {
			return fmt.Errorf("it must be a number, at least %v", minRate)
		}
		return nil
	})
	flags.Func("to", "", textOf(&o.to))
	flags.BoolVar(&o.all, "all", false, "")
	flags.BoolVar(&o.json, "json", false, "")
	name, args = args[0], args[1:]
	for len(args) > 0 { // flags may stand behind topics
		if err := flags.Parse(args); err != nil {
			return name, o, err
		}
		if args = flags.Args(); len(args) > 0 {
			o.topics, args = append(o.topics, args[0]), args[1:]
		}
	}
	given := make(map[string]bool)
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	return name, o, check(name, o, given)
}

// takes are the flags that a command takes.
var takes = map[string][]string{
	"ls":      lsTakes,
	"show":    {"json"},
	"redrive": {"class", "reason", "type", "key", "since", "until", "any-group", "execute", "max", "rate", "to", "json"},
	"purge":   purgeTakes,
}

func check(name string, o options, given map[string]bool) error {
	if name == "help" || name == "-h" || name == "--help" {
		return flag.ErrHelp
	}
	known, ok := takes[name]
	if !ok {
		return fmt.Errorf("there is no %q: say ls, show, redrive or purge", name)
	}
	for f := range given {
		if !slices.Contains(known, f) {
			return fmt.Errorf("%s does not take --%s", name, f)
		}
	}
	switch {
	case slices.Contains(o.topics, ""):
		return errors.New("the name of a topic is empty")
	case name == "show" && len(o.topics) != 1:
		return fmt.Errorf("show takes one place: %s", strings.TrimSpace(placeForm))
	case name == "show":
		_, err := parsePlace(o.topics[0])
		return err
	}
	return checkFor(name, o)
}

// textOf refuses what is empty: that is a variable of a script without a value, and
// would select everything.
func textOf(to *string) func(string) error {
	return func(text string) error {
		if *to = text; text == "" {
			return errors.New("it is empty")
		}
		return nil
	}
}

func timeOf(now time.Time, to *time.Time) func(string) error {
	return func(text string) (err error) {
		if d, err := time.ParseDuration(text); err == nil && d >= 0 {
			*to = now.Add(-d)
			return nil
		}
		if *to, err = time.Parse(time.RFC3339, text); err != nil {
			return errors.New("it must be a time such as 2026-01-02T15:04:05Z, or how long ago it was, such as 2h")
		}
		return nil
	}
}

// command is one call of Command.
type command struct {
	options
	consumers []Consumer
	report    *report
}

func (c *command) run(ctx context.Context, name string) error {
	if name == "show" {
		return c.show(ctx)
	}
	for _, consumers := range clusters(c.consumers) {
		err := c.runIn(ctx, name, consumers)
		if err != nil && c.report.of() > 0 {
			return errors.Join(err, c.print(name)) // what was done before
		}
		if err != nil {
			return err
		}
	}
	if err := c.print(name); err != nil {
		return err
	}
	if class := c.selection.class; !c.report.mayHave(class) {
		return fmt.Errorf("--class %s: no dead letter has that class, and it is none of %v", class, message.Classes)
	}
	if n := c.report.of(unreadable); n > 0 {
		return fmt.Errorf("%d could not be read, for the reasons above", n)
	}
	return nil
}

// runIn does it in the cluster of consumers.
func (c *command) runIn(ctx context.Context, name string, consumers []Consumer) error {
	topics := c.topicsOf(consumers)
	if len(topics) == 0 {
		return nil
	}
	b, err := openBox(ctx, consumers, c.options, topics)
	if err != nil {
		return err
	}
	defer b.close()
	if err := c.checkThere(b, topics); err != nil {
		return err
	}
	switch name {
	case "redrive":
		return b.redrive(ctx, c.report)
	case "purge":
		return b.purge(ctx, c.report)
	}
	return b.list(ctx, c.report)
}

// checkThere checks that topics are there. Those of the service may be missing: they have
// no dead letter yet.
func (c *command) checkThere(b *box, topics []string) error {
	var own []string
	for _, consumer := range c.consumers {
		for _, t := range consumer.Topics {
			own = append(own, deadletter.Topic(t))
		}
	}
	for _, t := range topics {
		if !b.has(t) && !slices.Contains(own, t) {
			return fmt.Errorf("there is no topic %q: the service's are %s", t, strings.Join(own, ", "))
		}
	}
	return nil
}

// topicsOf returns the dead letter topics that are asked for and belong to consumers of
// one cluster. What belongs to none is the first cluster's.
func (c *command) topicsOf(consumers []Consumer) (topics []string) {
	for _, o := range consumers {
		for _, t := range o.Topics {
			if letters := deadletter.Topic(t); len(c.topics) == 0 || slices.Contains(c.topics, t) || slices.Contains(c.topics, letters) {
				topics = append(topics, letters)
			}
		}
	}
	for _, asked := range c.topics {
		owned := slices.ContainsFunc(c.consumers, func(o Consumer) bool {
			return slices.ContainsFunc(o.Topics, func(t string) bool { return asked == t || asked == deadletter.Topic(t) })
		})
		if !owned && consumers[0].Group == c.consumers[0].Group {
			topics = append(topics, asked)
		}
	}
	slices.Sort(topics)
	return slices.Compact(topics)
}

// print prints what was counted.
func (c *command) print(name string) error {
	r := c.report
	if r.terminal {
		fmt.Fprint(r.tell, "\r")
	}
	shown := []outcome{redrivenNow, parked, notWritten, unreadable}
	switch {
	case name == "ls" && c.all:
		shown = []outcome{selected, redrivenBefore, unreadable}
	case name == "ls":
		shown = []outcome{selected, unreadable}
	case name == "purge":
		shown = []outcome{deleted, unreadable}
	}
	if c.json {
		rows := r.sorted(shown...)
		for i := range rows {
			rows[i].Outcome = rows[i].Outcome.said(c.execute)
		}
		return r.json(rows)
	}
	r.table(c.execute, shown...)
	r.summary(c.execute)
	switch {
	case name != "ls" && !c.execute:
		fmt.Fprintln(r.out, "nothing was written: --execute does it")
	case name == "redrive" && r.of(redrivenNow, redrivenBefore) > 0:
		fmt.Fprint(r.out, redrivenSays)
	}
	return nil
}

// show prints one dead letter, for a person who asked for it: the body too.
func (c *command) show(ctx context.Context) error {
	at, err := parsePlace(c.topics[0])
	if err != nil {
		return err
	}
	c.topics = []string{at.topic}
	for _, consumers := range clusters(c.consumers) {
		topics := c.topicsOf(consumers)
		if len(topics) == 0 {
			continue
		}
		b, err := openBox(ctx, consumers, c.options, topics)
		if err != nil {
			return err
		}
		defer b.close()
		at.topic = topics[0]
		l, err := b.find(ctx, at)
		if err != nil {
			return err
		}
		return c.report.letter(l, c.json)
	}
	return nil
}

// field is a header, or the value, of a letter in JSON.
type field struct {
	Name   string `json:"name,omitzero"`
	Text   string `json:"text,omitzero"`
	Base64 string `json:"base64,omitzero"` // in the place of text, when it is not text
}

func fieldOf(name string, value []byte) field {
	if !utf8.Valid(value) {
		return field{Name: name, Base64: base64.StdEncoding.EncodeToString(value)}
	}
	return field{Name: name, Text: string(value)}
}
