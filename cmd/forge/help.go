package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// helpCommand is cobra's own, except that asking for the help of something
// unknown fails.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [command]",
		Short: "Explain a command",
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var names []string
			for _, c := range cmd.Root().Commands() {
				if c.IsAvailableCommand() || c.IsAdditionalHelpTopicCommand() {
					names = append(names, c.Name()+"\t"+c.Short)
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			target, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return usage(fmt.Sprintf("see `%s --help`", cmd.Root().Name()), "no help for %q", args[len(args)-1])
			}
			if target.IsAdditionalHelpTopicCommand() {
				_, err := fmt.Fprintln(cmd.OutOrStdout(), target.Long)
				return err
			}
			target.InitDefaultHelpFlag()
			return target.Help()
		},
	}
}

// takesArguments marks a command that has commands and takes arguments as well.
var takesArguments = map[string]string{"arguments": "yes"}

// usageTemplate is what follows a command's description in its help.
const usageTemplate = `Usage:
  {{if .HasAvailableSubCommands}}{{if .Annotations.arguments}}{{.UseLine}}
  {{end}}{{.CommandPath}} COMMAND{{else}}{{.UseLine}}{{end}}
{{- if .HasExample}}

Examples:
{{.Example}}{{end}}
{{- if .HasAvailableSubCommands}}

Commands:
{{- range .Commands}}{{if or .IsAvailableCommand (eq .Name "help")}}
  {{rpad .Name .NamePadding}}  {{.Short}}{{end}}{{end}}{{end}}
{{- if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}
{{- if .HasAvailableSubCommands}}

{{.CommandPath}} COMMAND --help tells more about a command.{{end}}
`
