// Size renders the default service, measures how large it is, and fails if it is
// larger than it may be. The result is a Markdown table on stdout.
//
// Lines of Go are tests in _test.go files, and in packages that no program of the
// service contains: messagetest, servicetest and apptest help tests.
//
//	go run ./e2e/size            the table
//	go run ./e2e/size -v         also the functions of a handled message, and the references that run up
//	go run ./e2e/size -update    write the figures into README.md, which fails to be in step otherwise
//
// It builds and runs the service with an embedded Kafka; it needs nothing but Go,
// and the repository as its working directory.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/render"
	"github.com/ouroboros-forge/forge/template"
)

func main() {
	verbose := flag.Bool("v", false, "list the functions of a handled message, and the references that run up")
	update := flag.Bool("update", false, "write the figures into README.md")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	figures, err := measure(ctx, *verbose, os.Stdout)
	stop()
	ok := false
	if err == nil {
		ok = table(os.Stdout, figures)
		err = checkReadme("README.md", figures, *update)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "size:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// figure is one row of the table.
type figure struct {
	name              string
	value, aim, limit int
	unit              string
}

// measure renders the service and returns its figures.
func measure(ctx context.Context, verbose bool, out io.Writer) ([]figure, error) {
	const service = "my-service"
	a := answers.Defaults(service)
	tree, err := render.Render(template.FS, a, "v0.0.0-size")
	if err != nil {
		return nil, err
	}
	work, err := os.MkdirTemp("", "forge-size-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(work) }()
	dir := filepath.Join(work, service)
	if err := render.Write(ctx, tree, dir); err != nil {
		return nil, err
	}
	listed, err := listPackages(ctx, dir)
	if err != nil {
		return nil, err
	}
	testOnly := make(map[string]bool)
	for _, path := range testOnlyPackages(listed) {
		testOnly[strings.TrimPrefix(path, a.Module+"/")] = true
	}
	size := count(tree, testOnly)
	packages, err := readPackages(listed)
	if err != nil {
		return nil, err
	}
	passed, err := passes(ctx, dir, a)
	if err != nil {
		return nil, err
	}
	again, err := passes(ctx, dir, a) // what a clock ran on a busy machine is not in both
	if err != nil {
		return nil, err
	}
	passed = slices.DeleteFunc(passed, func(f function) bool { return !slices.Contains(again, f) })
	if verbose {
		list(out, a.Module, passed, packages)
	}
	return []figure{
		{"files", size.files, 95, 95, ""},
		// 7,284 before what strangers broke: positions and lag (210), one part's trouble and
		// health (410), quotas, batches that cannot be decoded and renewed secrets (310);
		// 8,245 before figures by topic, class and partition; 8,413 before /status, errors
		// that name more, and the smaller image.
		{"lines of Go, not tests", size.code, 6500, 8748, ""},
		{"lines of Go, tests", size.tests, 1500, 1500, ""},
		{"functions a handled message passes", len(passed), 35, 35, ""},
		{"files these functions are in", len(filesOf(passed)), 14, 14, ""},
		{"settings on the first page (.env.example)", size.firstPage, 14, 14, ""},
		{"settings in all", size.settings, 0, 46, ""},
		{"lines of README.md", size.readme, 200, 200, ""},
		{"references between files of a package that run up", upShare(packages), 15, 15, " %"},
		{"references that run up in the worst package", worstShare(packages), 15, 15, " %"},
	}, nil
}

// table prints the figures and reports whether none has grown beyond what it was
// allowed last: an aim of 0 is none, and what is not there yet must come nearer.
func table(out io.Writer, figures []figure) (ok bool) {
	ok = true
	fmt.Fprint(out, "| | now | aim | at most | |\n|---|--:|--:|--:|---|\n")
	for _, f := range figures {
		aim, verdict := "", ""
		if f.aim > 0 {
			aim = fmt.Sprintf("%d%s", f.aim, f.unit)
		}
		switch {
		case f.value > f.limit:
			ok, verdict = false, "**has grown**"
		case f.aim > 0 && f.value > f.aim:
			verdict = "not there yet"
		}
		fmt.Fprintf(out, "| %s | %d%s | %s | %d%s | %s |\n", f.name, f.value, f.unit, aim, f.limit, f.unit, verdict)
	}
	return ok
}

// checkReadme compares the table of the README with the figures, or writes it.
func checkReadme(file string, figures []figure, update bool) error {
	const begin, end = "<!-- size -->\n", "<!-- end size -->\n"
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, found := strings.Cut(string(text), begin)
	was, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		return fmt.Errorf("%s has no %q and %q around the table", file, begin, end)
	}
	var now strings.Builder
	now.WriteString("\n| | now | aim |\n|---|--:|--:|\n")
	for _, f := range figures {
		aim := ""
		if f.aim > 0 {
			aim = fmt.Sprintf(" %d%s", f.aim, f.unit)
		}
		fmt.Fprintf(&now, "| %s | %d%s |%s |\n", f.name, f.value, f.unit, aim)
	}
	now.WriteString("\n")
	switch {
	case was == now.String():
		return nil
	case !update:
		return fmt.Errorf("%s shows other figures: go run ./e2e/size -update", file)
	}
	return os.WriteFile(file, []byte(before+begin+now.String()+end+after), 0o644) //nolint:gosec // it is for everybody to read
}

// list prints what the table counts.
func list(out io.Writer, module string, passed []function, packages []pkg) {
	fmt.Fprintf(out, "A handled message passes:\n\n")
	for _, f := range passed {
		fmt.Fprintf(out, "    %-40s %s\n", f.file, f.name)
	}
	fmt.Fprintf(out, "\nReferences between files, and those of them that run up in the best order of reading:\n\n")
	for _, p := range packages {
		if p.references == 0 {
			continue
		}
		fmt.Fprintf(out, "    %s: %d of %d; %s\n", strings.TrimPrefix(p.path, module+"/"), len(p.up), p.references, strings.Join(p.files, " "))
		for _, r := range p.up {
			fmt.Fprintf(out, "        %s uses %s\n", r.from, r.to)
		}
	}
	fmt.Fprintln(out)
}

// run runs a command in dir and returns what it printed to stdout.
func run(ctx context.Context, dir, name string, args ...string) (*bytes.Buffer, error) {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // the go command
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, errs.String())
	}
	return &out, nil
}
