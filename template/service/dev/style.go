package main

import (
	"fmt"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
)

// isTerminal tells whether f shows colours to somebody who wants them.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// short is a duration with the digits that one reads.
func short(d time.Duration) string {
	switch {
	case d >= time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d >= time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	default:
		return fmt.Sprintf("%d µs", d.Microseconds())
	}
}

// oneLine is the error's first line, without what would disturb a terminal.
func oneLine(err error) string {
	if err == nil {
		return ""
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, fmt.Sprintf("%.160s", line))
}

// A colour is what a terminal takes to change to it.
type colour string

const (
	dim    colour = "\x1b[2m"
	green  colour = "\x1b[32m"
	yellow colour = "\x1b[33m"
	red    colour = "\x1b[31m"
)

var colourOf = map[engine.EventKind]colour{
	engine.Handled: green, engine.Retrying: yellow, engine.Waiting: yellow, engine.DeadLettered: yellow,
	engine.DeadLetterRefused: red, engine.Skipped: red, engine.Stopped: red,
}

// paint colours text on a terminal and leaves it alone elsewhere.
func (r *report) paint(c colour, text string) string {
	if !r.colours {
		return text
	}
	return string(c) + text + "\x1b[0m"
}
