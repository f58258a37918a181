// Package subject makes and runs the service under test: a project that forge
// renders, with handlers that write down what they do in place of the sample's.
// So what is tested is what users get.
package subject

import (
	"context"
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

//go:embed files
var files embed.FS

// sources says where in the project each file goes.
var sources = map[string]string{
	"files/handlers.go.txt": "handlers/handlers.go",
	"files/models.go.txt":   "models/work.go",
	"files/publish.go.txt":  "publish/main.go",
}

// Build renders a project below dir with the forge of the repository at root,
// puts the handlers into it and compiles it with the flags. It returns the
// binary's path.
func Build(ctx context.Context, root, dir string, flags ...string) (string, error) {
	forge, project, binary := filepath.Join(dir, "forge"), filepath.Join(dir, "subject"), filepath.Join(dir, "service")
	if _, err := os.Stat(project); err != nil {
		if err := run(ctx, root, "go", "build", "-o", forge, "./cmd/forge"); err != nil {
			return "", err
		}
		if err := run(ctx, dir, forge, "new", "subject", "--module", "example.com/subject", "--topics", "work", "--with", "dlq", "--no-input"); err != nil {
			return "", err
		}
		if err := replace(project); err != nil {
			return "", err
		}
	}
	if len(flags) > 0 {
		binary += "-" + strings.Trim(filepath.Base(flags[len(flags)-1]), "-")
	}
	return binary, run(ctx, project, "go", append(append([]string{"build"}, flags...), "-o", binary, ".")...)
}

// BuildPublisher compiles, in the project that Build rendered in dir, a program
// that only publishes. It returns the binary's path.
func BuildPublisher(ctx context.Context, dir string) (string, error) {
	binary := filepath.Join(dir, "publisher")
	return binary, run(ctx, filepath.Join(dir, "subject"), "go", "build", "-o", binary, "./publish")
}

// replace puts the test's handlers and models where the project's are.
func replace(project string) error {
	for _, dir := range []string{"handlers", "models"} {
		old, err := filepath.Glob(filepath.Join(project, dir, "*.go"))
		if err != nil {
			return err
		}
		for _, name := range old {
			if err := os.Remove(name); err != nil {
				return err
			}
		}
	}
	for from, to := range sources {
		b, err := files.ReadFile(from)
		if err != nil {
			return err
		}
		to = filepath.Join(project, to)
		if err := os.MkdirAll(filepath.Dir(to), 0o750); err != nil {
			return err
		}
		if err := os.WriteFile(to, b, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func run(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...) // #nosec G204 -- go and forge
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
	return nil
}
