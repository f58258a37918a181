package service

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/KimMachineGun/automemlimit/memlimit" //forge:if docker
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
  version         print what the program was built from
` +
	"  schema          export, check or register the schemas of the models\n" + //forge:if avro
	"  lag             print how far the group is behind in each partition\n" + //forge:if dlq
	"  acl             print the rights that it needs at the brokers, as commands\n" + //forge:if dlq
	"  dlq             list, show, redrive or purge dead letters\n" + //forge:if dlq
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
		// Garbage is collected more often as memory comes near 90 % of the container's limit. //forge:if docker
		_, _ = memlimit.Set() // without a limit, or off Linux, nothing changes //forge:if docker
		var s *Service
		if s, err = New(ctx, name, build, o); err == nil {
			err = s.Run(ctx)
		}
	case "config":
		var s *Service
		s, err = assemble(ctx, name, build, o)
		err = errors.Join(s.b.Config.Explain(stdout), err)
	case "version":
		fmt.Fprintln(stdout, name, version())
	case "lag": //forge:if dlq
		var s *Service                                          //forge:if dlq
		if s, err = assemble(ctx, name, build, o); err == nil { //forge:if dlq
			err = s.writeLag(ctx, stdout) //forge:if dlq
		} //forge:if dlq
	case "acl": //forge:if dlq
		var s *Service                                          //forge:if dlq
		if s, err = assemble(ctx, name, build, o); err == nil { //forge:if dlq
			err = s.writeACL(stdout) //forge:if dlq
		} //forge:if dlq
	case "schema": //forge:if avro
		return schemas(ctx, name, build, o, stdout, stderr) //forge:if avro
	case "dlq": //forge:if dlq
		return deadLetters(ctx, name, build, o, stdout, stderr) //forge:if dlq
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
	plain := []string{"config", "version", "help"} // commands without flags of their own
	plain = append(plain, "lag", "acl")            //forge:if dlq
	err = flags.Parse(args)
	switch command = flags.Arg(0); {
	case err != nil || flags.NArg() == 0:
	case command == "schema": //forge:if avro
		o.args = flags.Args()[1:] // its flags are its own //forge:if avro
	case command == "dlq": //forge:if dlq
		o.dlqArgs = flags.Args()[1:] // its flags are its own //forge:if dlq
	case !slices.Contains(plain, command):
		err = fmt.Errorf("no command %q", command)
	default:
		if err = flags.Parse(flags.Args()[1:]); err == nil && flags.NArg() > 0 {
			err = fmt.Errorf("%s takes no argument %q", command, flags.Arg(0))
		}
	}
	if errors.Is(err, flag.ErrHelp) {
		return "help", nil
	}
	return command, err
}
