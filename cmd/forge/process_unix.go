//go:build unix

package main

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

const exeSuffix = ""

// ownGroup has cmd started as the leader of a new process group.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// signalGroup sends a signal to the process group that cmd leads, and wakes it:
// a terminal may have stopped it for writing (stty tostop).
func signalGroup(cmd *exec.Cmd, s os.Signal) error {
	return errors.Join(syscall.Kill(-cmd.Process.Pid, s.(syscall.Signal)), syscall.Kill(-cmd.Process.Pid, syscall.SIGCONT))
}

// endedBySignal reports whether an interrupt ended the process.
func endedBySignal(exit *exec.ExitError) bool {
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && (status.Signal() == syscall.SIGINT || status.Signal() == syscall.SIGTERM)
}
