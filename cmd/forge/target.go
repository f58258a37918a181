package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/prompts"
	"github.com/ouroboros-forge/forge/internal/render"
)

// target is where a service is to be written.
type target struct {
	path string // as the user gave it, cleaned
	abs  string
	name string // the service's
}

// findTarget checks the path that was given, or asks for one.
func findTarget(ctx context.Context, asker prompts.Prompter, path string) (target, error) {
	if path != "" {
		t, err := checkTarget(path)
		return t, refusedTarget(err)
	}
	if asker == nil {
		return target{}, usage("as in `forge new my-service`", "NAME is missing: what is the service to be called?")
	}
	var found target
	question := prompts.NameQuestion(func(path string) (err error) {
		found, err = checkTarget(path)
		if t, ok := errors.AsType[*render.TargetError](err); ok {
			return fmt.Errorf("%w; %s", t, t.Hint)
		}
		return err
	})
	if err := asker.Ask(ctx, prompts.Sheet{Heading: "forge new", Questions: []prompts.Question{question}}); err != nil {
		return target{}, askError(err)
	}
	return found, nil
}

// checkTarget refuses a path that no service can be written to.
func checkTarget(path string) (target, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return target{}, failed("change to a directory that exists", "the working directory cannot be found: %w", err)
	}
	t := target{path: filepath.Clean(path), abs: abs, name: filepath.Base(abs)}
	if err := answers.CheckName(t.name); err != nil {
		return t, err
	}
	return t, render.CheckTarget(t.path)
}

// refusedTarget gives the error of an unusable target its exit code and hint.
func refusedTarget(err error) error {
	if t, ok := errors.AsType[*render.TargetError](err); ok {
		return &failure{code: exitUsage, err: err, hint: t.Hint}
	}
	return refused(err)
}

// askError gives an error of asking its exit code and hint.
func askError(err error) error {
	switch {
	case errors.Is(err, prompts.ErrInterrupted):
		return interrupted(nothingWritten)
	case errors.Is(err, prompts.ErrDeclined):
		return &failure{code: exitInterrupted, err: fmt.Errorf("%w, %s", err, nothingWritten)}
	case errors.Is(err, prompts.ErrInputEnded):
		return usage("--no-input takes the defaults for whatever has no flag", "%w", err)
	}
	return err
}
