package service

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Main runs the program called name: it does what the command line asks for,
// until SIGTERM or Ctrl-C, and exits. A second signal ends it at once.
func Main[S any](name string, build Build[S]) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the next signal ends the process
	os.Exit(Command(ctx, name, build, os.Args[1:], os.Stdout, os.Stderr))
}

// usage is what help prints, behind the program's name.
const usage = ` [--config FILE] [COMMAND]

Without a command it consumes until SIGTERM or Ctrl-C; a second signal ends it at once.

  config          print every setting and where it comes from, secrets redacted, and then what is wrong
` +
	"  schema          export, check or register the schemas of the models\n" + //forge:if avro
	`  help            print this

  --config FILE   a YAML file with settings, over which the environment goes (or CONFIG_FILE)

The first settings are in .env.example, all of them in docs/settings.md. Exit codes: 0 done, 1 failed, 2 wrong usage.
`

// Command does what args ask for until ctx ends, and returns the exit code: 0
// for done, 1 for failed, 2 for wrong usage.
func Command[S any](ctx context.Context, name string, build Build[S], args []string, stdout, stderr io.Writer) int {
	o := Options{Log: stderr}
	command, err := parse(&o, args)
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v; see %s help\n", name, err, name)
		return 2
	}
	switch command {
	case "":
		limitMemory() //forge:if docker
		var s *Service
		if s, err = New(ctx, name, build, o); err == nil {
			err = s.Run(ctx)
		}
	case "config":
		var s *Service
		s, err = assemble(ctx, name, build, o)
		err = errors.Join(s.b.Config.Explain(stdout), err)
	case "schema": //forge:if avro
		return schemas(ctx, name, build, o, stdout, stderr) //forge:if avro
	case "help":
		fmt.Fprint(stdout, name+usage)
	}
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", name, err)
		return 1
	}
	return 0
}

// parse returns the command. --config may stand before it and after it.
func parse(o *Options, args []string) (command string, err error) {
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the error says it
	flags.Func("config", "", func(file string) error {
		if o.File = file; file == "" {
			return errors.New("the name of a file is missing")
		}
		return nil
	})
	for {
		switch err := flags.Parse(args); {
		case errors.Is(err, flag.ErrHelp):
			return "help", nil
		case err != nil:
			return "", err
		case flags.NArg() == 0:
			return command, nil
		case command != "":
			return "", fmt.Errorf("%s takes no argument %q", command, flags.Arg(0))
		}
		command, args = flags.Arg(0), flags.Args()[1:]
		switch command {
		case "config", "help":
		case "schema": //forge:if avro
			o.args = args       // its flags are its own //forge:if avro
			return command, nil //forge:if avro
		default:
			return "", fmt.Errorf("no command %q", command)
		}
	}
}
