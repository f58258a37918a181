package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// absent says, for commands that other tools have, what forge has instead.
var absent = map[string]string{
	"generate": "`forge add handler TOPIC` adds a topic to a service",
	"upgrade":  "`forge update` in a service's directory brings it up to this forge",
	"init":     "`forge new NAME` writes a service into a new directory",
	"create":   "`forge new NAME` writes a service into a new directory",
	"run":      "`make dev` in a service's directory runs it; `forge new NAME --run` a new one",
	"dev":      "`make dev` in a service's directory runs it; `forge new NAME --run` a new one",
}

// knownCommand refuses what is no command, with what there is instead: the
// nearest by its letters, or by its meaning.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	hint := fmt.Sprintf("see `%s --help`", cmd.CommandPath())
	if name := nearest(args[0], names); name != "" {
		hint = fmt.Sprintf("did you mean `%s %s`?", cmd.CommandPath(), name)
	}
	if instead, ok := absent[args[0]]; ok && !cmd.HasParent() {
		return usage(instead, "forge has no command %q", args[0])
	}
	return usage(hint, "unknown command %q", args[0])
}

// flagError gives pflag's errors forge's form.
func flagError(cmd *cobra.Command, err error) error {
	if before := cmd.Flags().Args(); cmd.HasAvailableSubCommands() && cmd.Annotations == nil && len(before) > 0 {
		return knownCommand(cmd, before) // the flag is that of a command that was mistyped
	}
	hint := fmt.Sprintf("see `%s --help`", cmd.CommandPath())
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		given := unknown.GetSpecifiedName()
		if short := unknown.GetSpecifiedShortnames(); short != "" {
			given = short // -topics
		}
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if name := nearest(given, names); name != "" {
			hint = fmt.Sprintf("did you mean --%s?", name)
		}
	}
	return usage(hint, "%w", err)
}

// nearest returns the name that was probably meant by given, or "": one that
// continues it or that it continues, or one with few other letters.
func nearest(given string, names []string) string {
	best, least := "", 0
	for _, name := range names {
		d := distance(given, name)
		part := len(given) > 1 && (strings.HasPrefix(name, given) || strings.HasPrefix(given, name))
		if (part || d <= max(1, len(given)/3)) && (best == "" || d < least) {
			best, least = name, d
		}
	}
	return best
}

// distance counts the letters to change, to add, to leave out or to swap with
// the next one to get from a to b.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		for j := range rows[i] {
			switch {
			case i == 0 || j == 0:
				rows[i][j] = i + j
				continue
			case a[i-1] == b[j-1]:
				rows[i][j] = rows[i-1][j-1]
			default:
				rows[i][j] = 1 + min(rows[i-1][j-1], rows[i-1][j], rows[i][j-1])
			}
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], 1+rows[i-2][j-2])
			}
		}
	}
	return rows[len(a)][len(b)]
}
