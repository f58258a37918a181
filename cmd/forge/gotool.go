package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/version"
	"os/exec"
	"strings"
)

// What a new service needs of Go. Any Go since firstSwitching fetches the
// version that a go.mod asks for, unless GOTOOLCHAIN says that it must not.
const (
	neededGo       = "go1.26"
	firstSwitching = "go1.21"
)

// checkGo reports whether a new service can be built here.
func checkGo(ctx context.Context) error {
	if _, err := exec.LookPath("go"); err != nil {
		return failed("install Go from https://go.dev/dl, or leave out --run", "--run needs the go command, which is not on the PATH")
	}
	out, err := exec.CommandContext(ctx, "go", "env", "GOVERSION", "GOTOOLCHAIN").Output()
	if ctx.Err() != nil {
		return interrupted(nothingWritten)
	}
	if err != nil {
		return failed("does `go env` work?", "--run needs the go command: %w", explained(err))
	}
	have, toolchain, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return goIsEnough(have, toolchain)
}

func goIsEnough(have, toolchain string) error {
	have, _, _ = strings.Cut(have, " ") // experiments follow
	switch {
	case !version.IsValid(have), version.Compare(have, neededGo) >= 0: // a go of somebody's own is not judged
		return nil
	case version.Compare(have, firstSwitching) >= 0 && toolchain != "local":
		return nil
	}
	return failed("install it from https://go.dev/dl, or leave out --run", "--run needs Go %s, this is %s",
		strings.TrimPrefix(neededGo, "go"), strings.TrimPrefix(have, "go"))
}

// explained adds what a command said to the error that it ended with.
func explained(err error) error {
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || len(exit.Stderr) == 0 {
		return err
	}
	return fmt.Errorf("%w: %s", err, bytes.TrimSpace(exit.Stderr))
}
