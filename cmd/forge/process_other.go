//go:build !unix

package main

import (
	"os"
	"os/exec"
)

const exeSuffix = ".exe"

// ownGroup does nothing: the console interrupts forge and cmd alike.
func ownGroup(*exec.Cmd) {}

// signalGroup does nothing, for the same reason.
func signalGroup(*exec.Cmd, os.Signal) error { return nil }

func endedBySignal(*exec.ExitError) bool { return false }
