package main

import (
	"errors"
	"fmt"
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
	files := newDisk(root)
	record, err := files.record()
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
		err = failed(readHint(err, recordHint), "%w", err)
	}
	return &site{root: root, record: record, disk: files}, err
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
	_, isChanged := errors.AsType[*landing.ChangedError](err)
	damaged, isDamaged := errors.AsType[*landing.JournalError](err)
	switch {
	case isDamaged:
		return failed("it cannot be finished or taken back: take the files that are half done from version control, and delete "+damaged.Dir, "%w", err)
	case errors.Is(err, landing.ErrBusy):
		return failed("wait until it has ended", "%w; nothing was written", err)
	case errors.Is(err, landing.ErrHalfDone):
		return failed("when it is put right, the next forge command finishes it, or takes it back", "%w", err)
	case isChanged:
		return failed("run the command again", "%w; nothing was written", err)
	}
	return failed(nothingWritten+"; when it is put right, try again", "%w", err)
}

// disk reads a project's files, each once.
type disk struct {
	root string
	read map[string]plan.File
	dirs map[string]bool // the directories that were looked at, and whether they are links

	isWalked                    bool
	all, files, goFiles, others []string // what the methods of these names return
	links                       map[string][]byte
	linksTo                     map[string]string
}

func newDisk(root string) *disk {
	return &disk{root: root, read: make(map[string]plan.File), dirs: make(map[string]bool), links: make(map[string][]byte), linksTo: make(map[string]string)}
}

// record reads the project's record. What is planned with it lands only while it is
// the same: another forge may be at work.
func (d *disk) record() (project.Project, error) {
	f, err := d.File(project.Path)
	if err != nil {
		return project.Project{}, err
	}
	if !f.Mode.IsRegular() {
		return project.Project{}, fmt.Errorf("%s is no regular file, but a link or a directory", project.Path)
	}
	return project.Parse(f.Content)
}

// File reads a file, or what a link is. What is behind a directory that is a link is an
// error: nothing would be written there.
func (d *disk) File(name string) (plan.File, error) {
	if f, ok := d.read[name]; ok {
		return f, nil
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if d.isLink(dir) {
			return plan.File{}, &linkError{dir, name}
		}
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

// linkError says that a file is behind a directory that is a link.
type linkError struct{ dir, name string }

func (e *linkError) Error() string {
	return fmt.Sprintf("%s is a symbolic link, and %s would be behind it", e.dir, e.name)
}

// readHint says what to do about an error of reading: where it is one of a link or of
// permissions, or else.
func readHint(err error, otherwise string) string {
	if link, ok := errors.AsType[*linkError](err); ok {
		return "make " + link.dir + " a directory of the project"
	}
	if errors.Is(err, fs.ErrPermission) {
		return "check its permissions"
	}
	return otherwise
}

func (d *disk) isLink(dir string) bool {
	is, ok := d.dirs[dir]
	if !ok {
		info, err := os.Lstat(filepath.Join(d.root, filepath.FromSlash(dir)))
		is = err == nil && info.Mode()&fs.ModeSymlink != 0
		d.dirs[dir] = is
	}
	return is
}

// maxText is the size of the largest file that may be one which people write.
const maxText = 1 << 20

// All lists what is in the project and no directory, but for libraries and what is in
// hidden directories: git's, forge's, an editor's.
func (d *disk) All() []string {
	d.walk()
	return d.all
}

// Files lists the files of the project, without those of libraries and of git, and
// without what is too large to be a text of anybody's. Of another module it has the
// go.mod.
func (d *disk) Files() []string {
	d.walk()
	return d.files
}

// GoFiles lists the Go files that are built with the module.
func (d *disk) GoFiles() []string {
	d.walk()
	return d.goFiles
}

// Others lists the Go files of other modules in the project's directories.
func (d *disk) Others() []string {
	d.walk()
	return d.others
}

// Links are Go files that are built with the module and are links to what is none of
// the GoFiles, with what is there; nil if that cannot be read.
func (d *disk) Links() map[string][]byte {
	d.walk()
	return d.links
}

// LinksTo are the files of the project that links lead to, by the paths of the links.
func (d *disk) LinksTo() map[string]string {
	d.walk()
	return d.linksTo
}

// maxLinked bounds what is read of where a link leads, in bytes.
const maxLinked = 1 << 20

// addLink adds a link. Of what is built with the module it is a Go file of its own; what
// leads to another of the module's Go files, or to a directory, which go does not follow
// either, is none.
func (d *disk) addLink(name string) {
	full := filepath.Join(d.root, filepath.FromSlash(name))
	root, rootErr := filepath.EvalSymlinks(d.root)
	target, err := filepath.EvalSymlinks(full)
	if rel, relErr := filepath.Rel(root, target); rootErr == nil && err == nil && relErr == nil && filepath.IsLocal(rel) {
		d.linksTo[name] = filepath.ToSlash(rel)
	}
	if !plan.IsBuilt(name) || slices.Contains(d.goFiles, d.linksTo[name]) {
		return
	}
	info, err := os.Stat(full)
	if err == nil && !info.Mode().IsRegular() {
		return
	}
	d.links[name] = nil
	if err != nil || path.Ext(target) != ".go" || info.Size() > maxLinked { // a link may lead to .env
		return
	}
	if content, err := os.ReadFile(full); err == nil {
		d.links[name] = content
	}
}

// isPassedOver reports whether a directory has nothing that people write for the service.
func isPassedOver(name string) bool {
	base := path.Base(name)
	isHidden := base[0] == '.' && !slices.Contains([]string{".github", ".gitlab", ".circleci", ".ci"}, name)
	return isHidden || base == "vendor" || base == "node_modules"
}

// walk finds the project's files. What cannot be read is left alone.
func (d *disk) walk() {
	if d.isWalked {
		return
	}
	d.isWalked = true
	var links []string
	other := "" // the directory of the module that the walk is in, if it is another one
	_ = fs.WalkDir(os.DirFS(d.root), ".", func(name string, entry fs.DirEntry, err error) error {
		isOther := other != "" && strings.HasPrefix(name, other+"/")
		switch {
		case err != nil:
			return fs.SkipDir
		case !entry.IsDir():
			d.all = append(d.all, name)
			if entry.Type() == fs.ModeSymlink && !isOther {
				links = append(links, name)
			}
			if entry.Type().IsRegular() {
				d.add(name, entry, isOther)
			}
		case name != ".":
			if isPassedOver(name) {
				return fs.SkipDir
			}
			if mod := path.Join(name, "go.mod"); !isOther && d.exists(mod) {
				other = name
				d.files = append(d.files, mod)
			}
		}
		return nil
	})
	for _, name := range links { // when all that they may lead to is known
		d.addLink(name)
	}
}

// add adds a regular file.
func (d *disk) add(name string, entry fs.DirEntry, isOther bool) {
	switch isGo := path.Ext(name) == ".go"; {
	case isOther && isGo:
		d.others = append(d.others, name)
	case isOther:
	case isGo:
		d.files = append(d.files, name)
		if plan.IsBuilt(name) {
			d.goFiles = append(d.goFiles, name)
		}
	default:
		if info, err := entry.Info(); err == nil && info.Size() <= maxText {
			d.files = append(d.files, name)
		}
	}
}

func (d *disk) exists(name string) bool {
	_, err := os.Lstat(filepath.Join(d.root, filepath.FromSlash(name)))
	return err == nil
}
