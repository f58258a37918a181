// Package noquery keeps a terminal library quiet while a program starts.
//
// bubbletea asks the terminal for its background colour in an init function:
// every command of forge, `forge version` too, would write an escape sequence
// to the terminal and wait up to five seconds for one that does not answer.
// termenv, which does the asking, asks nothing of a dumb terminal, and so TERM
// is "dumb" from this package's init until Restore.
//
// The order is certain: packages are initialised in the order of their import
// paths as soon as their imports are. This one imports only os, and bubbletea
// imports os/signal, which itself waits for os and sorts after this path. A
// test in cmd/forge runs forge on a terminal that never answers.
package noquery

import "os"

var term, had = os.LookupEnv("TERM")

func init() {
	_ = os.Setenv("TERM", "dumb")
}

// Restore gives TERM its value back. It belongs in the init function of the
// package that imports bubbletea.
func Restore() {
	if had {
		_ = os.Setenv("TERM", term)
	} else {
		_ = os.Unsetenv("TERM")
	}
}
