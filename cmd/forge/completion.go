package main

import "github.com/spf13/cobra"

// polishCompletion makes cobra's completion command answer as the rest of
// forge does.
func polishCompletion(root *cobra.Command) {
	for _, cmd := range root.Commands() {
		if cmd.Name() != "completion" {
			continue
		}
		cmd.Short = "Write a shell's completion script"
		cmd.Args = knownCommand
		cmd.RunE = func(*cobra.Command, []string) error {
			return usage("one of bash, zsh, fish, powershell", "which shell's completion is wanted?")
		}
		for _, shell := range cmd.Commands() {
			shell.Args = noArguments
		}
	}
}
