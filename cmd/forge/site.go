package main

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"golang.org/x/mod/semver"

	"github.com/ouroboros-forge/forge/internal/landing"
	"github.com/ouroboros-forge/forge/internal/plan"
	"github.com/ouroboros-forge/forge/internal/project"
)

// site is the project that a command works on.
type site struct {
	root   string // absolute
	record project.Project
	disk   *disk
}

// openSite finds the project that the working directory is in, and sets right what
// was broken off there.
func openSite(t terminal) (*site, error) {
	debug.SetGCPercent(400) // to collect what will not be needed takes longer than all else, and the process ends soon
	root, err := findSite()
	if err != nil {
		return nil, err
	}
	recovered, err := landing.Recover(root, landingStep)
	if err != nil {
		return nil, landingError(err)
	}
	noteRecovered(t, recovered)
	record, err := project.Load(root)
	if errors.Is(err, fs.ErrNotExist) { // an adopt was broken off, or taken back
		return nil, usage(noSiteHint, "%s is in no project of forge's: it has no %s", root, project.Path)
	}
	if err == nil {
		err = checkForge(record.Forge, buildInfo().Version)
	}
	if newer, ok := errors.AsType[*project.SchemaError](err); ok {
		return nil, failed("this is forge "+buildInfo().Version+"; install "+newer.Needed(), "%w", err)
	}
	if _, isFailure := errors.AsType[*failure](err); err != nil && !isFailure {
		err = failed("take it from version control: it is written by forge alone; where it is lost, `forge adopt` makes it anew", "%w", err)
	}
	return &site{root: root, record: record, disk: &disk{root: root, read: make(map[string]plan.File)}}, err
}

// landingStep is called before each change of a project's disk. Tests end forge
// there.
var landingStep landing.Step

func findSite() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", failed("change to a directory that exists", "the working directory cannot be found: %w", err)
	}
	root, err := project.Find(dir)
	if _, ok := errors.AsType[*project.NotFoundError](err); ok {
		return "", usage(noSiteHint, "%w", err)
	}
	return root, err
}

const noSiteHint = "change to a directory that `forge new` has written; if this is one that lost its record, `forge adopt` makes it anew"

func noteRecovered(t terminal, r *landing.Recovered) {
	if r == nil {
		return
	}
	text := "`forge " + r.Title + "` was interrupted; it was rolled back"
	if r.Finished {
		text = "`forge " + r.Title + "` was interrupted; it is finished now"
	}
	if len(r.Left) > 0 {
		text += ", but for what was changed since: " + strings.Join(r.Left, ", ")
	}
	say(t.stderr, "note", text)
}

// checkForge refuses a project of a newer forge. A forge that is no version itself
// has the newest release that it knows.
func checkForge(made, own string) error {
	what := "this is forge " + own
	if !semver.IsValid(own) {
		archive, err := openArchive()
		if err != nil {
			return err
		}
		own = archive.Latest()
		what = "the newest that this one knows is " + own
		if semver.Prerelease(made) != "" { // of a checkout between two releases
			return nil
		}
	}
	if semver.IsValid(made) && semver.Compare(made, own) > 0 {
		return failed("install forge "+made+" or a newer one", "this project was made by forge %s, and %s", made, what)
	}
	return nil
}

// landingError gives an error of landing its hint.
func landingError(err error) error {
	_, isMoved := errors.AsType[*landing.MovedError](err)
	damaged, isDamaged := errors.AsType[*landing.JournalError](err)
	switch {
	case isDamaged:
		return failed("it cannot be finished or taken back: take the files that are half done from version control, and delete "+damaged.Dir, "%w", err)
	case errors.Is(err, landing.ErrBusy):
		return failed("wait until it has ended", "%w; nothing was written", err)
	case errors.Is(err, landing.ErrHalfDone):
		return failed("when it is put right, the next forge command finishes it, or takes it back", "%w", err)
	case isMoved:
		return failed("run the command again", "%w; nothing was written", err)
	}
	return failed(nothingWritten+"; when it is put right, try again", "%w", err)
}

// disk reads a project's files, each once.
type disk struct {
	root    string
	read    map[string]plan.File
	sources []string
	walked  bool
	files   []string // what Files has found, or nil
}

// File reads a file, or what a link is.
func (d *disk) File(name string) (plan.File, error) {
	if f, ok := d.read[name]; ok {
		return f, nil
	}
	full := filepath.Join(d.root, filepath.FromSlash(name))
	info, err := os.Lstat(full)
	if err != nil {
		return plan.File{}, err
	}
	f := plan.File{Mode: info.Mode()}
	if f.Mode.IsRegular() {
		if f.Content, err = os.ReadFile(full); err != nil {
			return plan.File{}, err
		}
	}
	d.read[name] = f
	return f, nil
}

// Sources lists the Go files of the module outside internal/.
func (d *disk) Sources() []string {
	if d.walked {
		return d.sources
	}
	d.walked = true
	_ = fs.WalkDir(os.DirFS(d.root), ".", func(name string, entry fs.DirEntry, err error) error { // what cannot be read is not Go's
		switch {
		case err != nil:
			return fs.SkipDir
		case entry.IsDir() && name != "." && d.isForeign(name):
			return fs.SkipDir
		case entry.Type().IsRegular() && path.Ext(name) == ".go":
			d.sources = append(d.sources, name)
		}
		return nil
	})
	return d.sources
}

// maxText is the size of the largest file that may be one which people write.
const maxText = 1 << 20

// Files lists the files of the project, without those of other modules, of
// libraries, and of git, and without what is too large to be a text of anybody's. Of
// another module it has the go.mod.
func (d *disk) Files() []string {
	if d.files != nil {
		return d.files
	}
	_ = fs.WalkDir(os.DirFS(d.root), ".", func(name string, entry fs.DirEntry, err error) error { // what cannot be read is left alone
		switch {
		case err != nil:
			return fs.SkipDir
		case entry.IsDir() && name != ".":
			base := path.Base(name)
			isHidden := base[0] == '.' && !slices.Contains([]string{".github", ".gitlab", ".circleci", ".ci"}, name)
			if isHidden || base == "vendor" || base == "node_modules" {
				return fs.SkipDir
			}
			if mod := path.Join(name, "go.mod"); d.exists(mod) {
				d.files = append(d.files, mod)
				return fs.SkipDir
			}
		case entry.Type().IsRegular():
			if info, err := entry.Info(); err == nil && (info.Size() <= maxText || path.Ext(name) == ".go") {
				d.files = append(d.files, name)
			}
		}
		return nil
	})
	return d.files
}

func (d *disk) exists(name string) bool {
	_, err := os.Lstat(filepath.Join(d.root, filepath.FromSlash(name)))
	return err == nil
}

// isForeign reports whether a directory's Go files are none of this module's that
// people write.
func (d *disk) isForeign(name string) bool {
	base := path.Base(name)
	if base[0] == '.' || base[0] == '_' || slices.Contains([]string{"vendor", "testdata", "node_modules"}, base) {
		return true
	}
	return d.exists(path.Join(name, "go.mod"))
}
