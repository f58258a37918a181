package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// commands are what the first argument may be. Without one the service runs.
var commands = []struct{ name, does string }{
	{"config", "print every setting and where it comes from, secrets redacted"},
	{"schema", "export, check or register the schemas of the models"}, //forge:if avro
}

// command does what the arguments ask for until ctx ends, and returns the exit
// code: 0 for done, 1 for failed, 2 for wrong usage.
func command(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	file, args, err := parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage())
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "sample-service: %v (sample-service --help tells what there is)\n", err)
		return 2
	}
	switch {
	case len(args) == 0:
		err = serve(ctx, file)
	case args[0] == "config":
		err = explain(file, stdout)
	case args[0] == "schema": //forge:if avro
		return schemas(ctx, file, args[1:], stdout, stderr) //forge:if avro
	}
	if err != nil {
		fmt.Fprintln(stderr, "sample-service:", err)
		return 1
	}
	return 0
}

// serve reads the settings and runs the service.
func serve(ctx context.Context, file string) error {
	cfg, err := settings(file)
	if err != nil {
		return err
	}
	return run(ctx, cfg)
}

// explain prints the settings and where they come from.
func explain(file string, stdout io.Writer) error {
	cfg, err := settings(file)
	if err != nil {
		return err
	}
	return cfg.Explain(stdout)
}

// parse returns the settings file and the command with its arguments. The
// flag may stand before the command and after it.
func parse(args []string) (file string, rest []string, err error) {
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the error says it
	flags.Func("config", "", func(name string) error {
		if file = name; name == "" {
			return errors.New("the name of a file is missing")
		}
		return nil
	})
	if err := flags.Parse(args); err != nil || flags.NArg() == 0 {
		return file, nil, err
	}
	rest = flags.Args()
	if !slices.ContainsFunc(commands, func(c struct{ name, does string }) bool { return c.name == rest[0] }) {
		return "", nil, fmt.Errorf("no command %q", rest[0])
	}
	if rest[0] != "config" {
		return file, rest, nil // its flags are its own
	}
	if err := flags.Parse(rest[1:]); err != nil {
		return "", nil, err
	}
	if flags.NArg() > 0 {
		return "", nil, fmt.Errorf("config has no argument %q", flags.Arg(0))
	}
	return file, rest[:1], nil
}

func usage() string {
	var b strings.Builder
	b.WriteString(`sample-service [--config FILE] [COMMAND]

Without a command it consumes until SIGTERM or Ctrl-C; a second signal ends it at once.

`)
	for _, c := range commands {
		fmt.Fprintf(&b, "  %-15s %s\n", c.name, c.does)
	}
	b.WriteString(`
  --config FILE   a YAML file with settings, over which .env and the environment go (or CONFIG_FILE)
  --help          this text

Settings are in .env.example, each with its default. Exit codes: 0 done, 1 failed, 2 wrong usage.
`)
	return b.String()
}
