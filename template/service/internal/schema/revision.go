package schema

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// errStale says that a file is not what the models say.
var errStale = errors.New("it is not what the models say: run `schema export` and commit it")

// checkRevision compares each schema with its file in a revision, and with all
// that the file was before that where its level is transitive. The file as it is
// now must be what the models say, because the next check compares with it.
func (r *command) checkRevision(ctx context.Context) error {
	if _, err := git(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", r.against+"^{commit}"); err != nil {
		return fmt.Errorf("no revision %q: %w", r.against, err)
	}
	return r.each(func(b *binding) error {
		return errors.Join(r.compareRevision(ctx, b), r.checkFile(b))
	})
}

func (r *command) checkFile(b *binding) error {
	file := r.file(r.codec.subject(b))
	content, err := os.ReadFile(file)
	if err == nil && bytes.Equal(content, pretty(b.model.text)) {
		return nil
	}
	return fmt.Errorf("%s: %w", file, errStale)
}

func (r *command) compareRevision(ctx context.Context, b *binding) error {
	subject, before, err := r.readFiles(ctx, b)
	if err != nil {
		return err
	}
	if len(before) == 0 {
		r.print(b, "is new since %s", r.against)
		return nil
	}
	if err := b.model.level.keeps(r.codec.format, subject, b.model.text, before); err != nil {
		return err
	}
	r.print(b, "is %s compatible with %s", b.model.level, r.against)
	return nil
}

// readFiles returns the versions of b's schema in the files, and the subject that
// the files are named after: if its own has none, the former one.
func (r *command) readFiles(ctx context.Context, b *binding) (subject string, before []past, err error) {
	subject = r.codec.subject(b)
	before, err = versions(ctx, r.against, r.file(subject), b.model.level.transitive())
	if err != nil || len(before) > 0 {
		return subject, before, err
	}
	former := b.formerSubject(subject)
	before, err = versions(ctx, r.against, r.file(former), b.model.level.transitive())
	before = slices.DeleteFunc(before, func(p past) bool { return !r.codec.named(b, p.text, nil) })
	return former, before, err
}

// versions returns the contents of a file in a revision, or with history in
// all revisions up to it, the oldest first; none when it was not there.
func versions(ctx context.Context, revision, file string, history bool) ([]past, error) {
	revisions := []string{revision}
	if history {
		out, err := git(ctx, "log", "--reverse", "--format=%h", revision, "--", file)
		if err != nil {
			return nil, err
		}
		revisions = strings.Fields(string(out))
	}
	var all []past
	for _, at := range revisions {
		entry, err := git(ctx, "ls-tree", "--format=%(objectname)", at, "--", filepath.ToSlash(file))
		if err != nil {
			return nil, err
		}
		name := strings.TrimSpace(string(entry))
		if name == "" {
			continue
		}
		content, err := git(ctx, "cat-file", "blob", name)
		if err != nil {
			return nil, err
		}
		all = append(all, past{string(content), at})
	}
	return all, nil
}

func git(ctx context.Context, args ...string) ([]byte, error) {
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "git", args...) //nolint:gosec // the revision was verified to be one
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil && stderr.Len() > 0 {
		err = fmt.Errorf("%w: %s", err, short(stderr.String()))
	}
	if err != nil {
		return nil, fmt.Errorf("git %s: %w", args[0], err)
	}
	return out, nil
}
