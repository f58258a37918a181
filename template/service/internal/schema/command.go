package schema

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
)

// The exit codes of Command.
const (
	exitDone   = 0
	exitBroken = 1 // a schema is not compatible, or not what was exported
	exitFailed = 2 // wrong usage, or what had to be asked did not answer
)

const usage = `schema export [--dir DIR]                 write each schema to a file in DIR, to be committed
schema check                              compare with the registry
schema check --against REV [--dir DIR]    compare with the files in DIR as they are in a revision of git, offline
schema register                           make them known to the registry

DIR is schemas unless it is given. Exit codes: 0 all is well, 1 a schema is not compatible (the field is named), or is
not what was exported, 2 it could not be found out.
`

// command is one call of Command.
type command struct {
	codec   *Codec
	out     *tabwriter.Writer
	against string
	dir     string
}

// Command does what the arguments after `schema` ask for, with the schemas of
// the models that c was bound to. It returns the exit code.
func Command(ctx context.Context, c *Codec, args []string, stdout, stderr io.Writer) int {
	r := command{codec: c, out: tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)}
	name, err := r.parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage)
		return exitDone
	}
	if err != nil {
		fmt.Fprintf(stderr, "schema: %v\n\n%s", err, usage)
		return exitFailed
	}
	switch {
	case name == "export":
		err = r.export()
	case name == "register":
		err = r.each(func(b *binding) error { return r.register(ctx, b) })
	case r.against != "":
		err = r.checkRevision(ctx)
	default:
		err = r.each(func(b *binding) error { return r.checkRegistry(ctx, b) })
	}
	_ = r.out.Flush()
	if err != nil {
		fmt.Fprintln(stderr, "schema:", strings.ReplaceAll(err.Error(), "\n", "\nschema: "))
		return exitOf(err)
	}
	return exitDone
}

func exitOf(err error) int {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		worst := exitDone
		for _, err := range joined.Unwrap() {
			worst = max(worst, exitOf(err))
		}
		return worst
	}
	var incompatible *IncompatibleError
	if errors.As(err, &incompatible) || errors.Is(err, errStale) {
		return exitBroken
	}
	return exitFailed
}

func (r *command) parse(args []string) (name string, err error) {
	flags := flag.NewFlagSet("schema", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the error has it all
	flags.StringVar(&r.against, "against", "", "")
	flags.StringVar(&r.dir, "dir", "schemas", "")
	if len(args) == 0 {
		return "", errors.New("say what to do with the schemas")
	}
	switch name = args[0]; {
	case name == "help" || name == "-h" || name == "-help" || name == "--help":
		return "", flag.ErrHelp
	case strings.HasPrefix(name, "-"):
		return "", fmt.Errorf("say what to do with the schemas before %s", name)
	}
	if err := flags.Parse(args[1:]); err != nil {
		return "", err
	}
	given := make(map[string]bool)
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	switch {
	case name != "export" && name != "check" && name != "register":
		return "", fmt.Errorf("there is no %q", name)
	case flags.NArg() > 0:
		return "", fmt.Errorf("%s takes no argument %q", name, flags.Arg(0))
	case given["against"] && name != "check":
		return "", fmt.Errorf("%s does not take --against, check does", name)
	case given["against"] && r.against == "": // a variable in a script that is not set
		return "", errors.New("--against is empty: it must name a revision of git")
	case given["dir"] && name != "export" && !given["against"]:
		return "", fmt.Errorf("%s asks the registry and no files: --dir is for export and check --against", name)
	}
	return name, nil
}

// each calls do for every schema and goes on after an error.
func (r *command) each(do func(*binding) error) error {
	var errs []error
	for _, b := range r.codec.on("") {
		if err := do(b); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// print writes a line about one schema.
func (r *command) print(b *binding, format string, args ...any) {
	fmt.Fprintf(r.out, "%s\t%s\t%s\n", r.codec.subject(b), b.model.about.FullName(), fmt.Sprintf(format, args...))
}

func (r *command) register(ctx context.Context, b *binding) error {
	id, err := r.codec.findOrRegister(ctx, b, true)
	if err == nil {
		r.print(b, "is registered with the id %d", id)
	}
	return err
}

func (r *command) checkRegistry(ctx context.Context, b *binding) error {
	id, err := r.codec.findOrRegister(ctx, b, false)
	switch {
	case errors.Is(err, errNotRegistered):
		r.print(b, "is compatible, and not registered yet")
		return nil
	case err == nil:
		r.print(b, "is registered with the id %d", id)
	}
	return err
}

// file is where the schema of a subject is exported to.
func (r *command) file(subject string) string {
	return filepath.Join(r.dir, subject+r.codec.format.extension())
}

// pretty is a schema as it is in its file.
func pretty(text string) []byte {
	var out bytes.Buffer
	if err := json.Indent(&out, []byte(text), "", "  "); err != nil {
		return []byte(text)
	}
	return append(out.Bytes(), '\n')
}

func (r *command) export() error {
	if err := os.MkdirAll(r.dir, 0o750); err != nil {
		return err
	}
	return r.each(func(b *binding) error {
		file := r.file(r.codec.subject(b))
		if err := os.WriteFile(file, pretty(b.model.text), 0o600); err != nil {
			return err
		}
		r.print(b, "%s", file)
		return nil
	})
}
