package main

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// files are what the generated service gets instead of the sample's: the
// user's files, and the meter. Everything else, main.go too, stays as it is.
//
//go:embed service meter/*.go
var files embed.FS

// buildService renders a service and compiles it, and a program that only publishes.
// It returns the two binaries.
func buildService(ctx context.Context, dir string, flags ...string) (consumer, publisher string, err error) {
	project, err := renderService(ctx, dir, flags...)
	if err != nil {
		return "", "", err
	}
	if consumer, err = compile(ctx, project, "."); err != nil {
		return "", "", err
	}
	publisher, err = compile(ctx, project, "publish")
	return consumer, publisher, err
}

// renderService renders a service with forge, as a user would, and gives it the
// benchmark's model and handler. It returns its directory.
func renderService(ctx context.Context, dir string, flags ...string) (project string, err error) {
	project = filepath.Join(dir, "service")
	if err := os.RemoveAll(project); err != nil {
		return "", err
	}
	args := append([]string{"tool", "forge", "new", project, "--no-input", "--module", "example.com/bench", "--topics", "payments"}, flags...)
	if err := command(ctx, ".", "go", args...); err != nil {
		return "", fmt.Errorf("render the service: %w", err)
	}
	for _, yours := range []string{"handlers", "models"} {
		if err := os.RemoveAll(filepath.Join(project, yours)); err != nil {
			return "", err
		}
	}
	return project, copyFiles(project)
}

// compile compiles a package of the service, and returns the binary.
func compile(ctx context.Context, project, source string) (binary string, err error) {
	binary = filepath.Join(project, "..", strings.Replace(source, ".", "service", 1)+".bin")
	if err := command(ctx, project, "go", "build", "-trimpath", "-o", binary, "./"+source); err != nil {
		return "", fmt.Errorf("compile %s of the service: %w", source, err)
	}
	return binary, nil
}

// copyFiles puts the benchmark's files into the project.
func copyFiles(project string) error {
	return fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := files.ReadFile(path)
		if err != nil {
			return err
		}
		to := filepath.Join(project, strings.TrimSuffix(strings.TrimPrefix(path, "service/"), ".txt"))
		if err := os.MkdirAll(filepath.Dir(to), 0o750); err != nil {
			return err
		}
		return os.WriteFile(to, content, 0o600)
	})
}

func command(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // go, with what is written above
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	return cmd.Run()
}
