// Command forge writes Go services that consume messages, and keeps them up to
// date.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run runs one command and returns the exit code. Results go to stdout,
// everything else to stderr; ctx ends when the user interrupts.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	t := newTerminal(stdin, stdout, stderr)
	root := rootCommand(t)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return report(stderr, root.ExecuteContext(ctx))
}

func rootCommand(t terminal) *cobra.Command {
	root := &cobra.Command{
		Use:   "forge",
		Short: "Write a Go service that consumes messages",
		Long: `forge writes Go services that consume messages, from Kafka or NATS JetStream: each
topic has its handler, what fails becomes a dead letter, and nothing is lost.

  forge new my-service --run    writes one and shows it at work, with a broker of its own
  forge add handler payments    in a service: adds a topic, with its handler
  forge help json               what --json prints, and the exit codes`,
		Args:              knownCommand,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceUsage:      true,
		SilenceErrors:     true,
		DisableAutoGenTag: true,
		Version:           buildInfo().String(),
	}
	root.Flags().BoolP("version", "v", false, "print forge's version")
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	root.SetUsageTemplate(usageTemplate)
	root.SetHelpCommand(helpCommand())
	root.AddCommand(newCommand(t), addCommand(t), removeCommand(t), renameCommand(t), statusCommand(t), doctorCommand(t))
	root.AddCommand(updateCommand(t), adoptCommand(t), undoCommand(t), versionCommand(), manCommand(), jsonTopic())
	root.InitDefaultCompletionCmd("new")
	polishCompletion(root)
	return root
}
