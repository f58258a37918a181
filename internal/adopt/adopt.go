// Package adopt finds out what wrote a project whose record is lost: which release,
// from which answers. Everything is tried and compared: the answers that the files
// hint at are rendered, and those whose files are most like the project's are taken.
// It is a function of templates and files, and changes nothing.
package adopt

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/plan"
	"github.com/ouroboros-forge/forge/internal/project"
	"github.com/ouroboros-forge/forge/internal/render"
)

// Template is a template that may have written the project.
type Template struct {
	Version string
	Files   fs.FS
}

// Input is what can be known of a project without its record.
type Input struct {
	Templates []Template // oldest first; of several that are as close, the last one is taken
	Version   string     // the one that is to be taken, "" if any
	Dir       string     // the name of its directory
	Disk      plan.Disk
	Damaged   []byte // what is there of the record
}

// Found is what was found out.
type Found struct {
	Record project.Project
	Files  []File  // the managed ones, sorted by path
	Others []Other // the other releases, closest first

	Guessed []string // answers that no setting says
	Untaken []string // topics that are registered and have no file that forge would have written
}

// The states of a managed file.
const (
	Same    = "same"
	Edited  = "edited"
	Missing = "missing"
)

// File is a managed file, compared with what the release renders.
type File struct {
	Path  string
	State string
	Like  float64 // how much of it is the same, from 0 to 1
}

// Other is a release that was not taken.
type Other struct {
	Version string
	Sure    float64
	AsClose bool // its managed files are as like as those of the one that was taken
}

// Sure is how much of what the release manages is there, from 0 to 1.
func (f Found) Sure() float64 { return sure(f.Files) }

func sure(files []File) float64 {
	sum := 0.0
	for _, f := range files {
		sum += f.Like
	}
	return sum / float64(max(1, len(files)))
}

// Count returns how many managed files are in a state.
func (f Found) Count(state string) int {
	n := 0
	for _, file := range f.Files {
		if file.State == state {
			n++
		}
	}
	return n
}

// NotServiceError says that a directory has no service of forge's, and what was
// looked for.
type NotServiceError struct{ Looked []string }

// Error tells what was looked for.
func (e *NotServiceError) Error() string {
	return "this is no service that forge has written\n" + strings.Join(e.Looked, "\n")
}

// Find finds out what wrote the project.
func Find(in Input) (Found, error) {
	clues, err := in.clues()
	if err != nil {
		return Found{}, err
	}
	s := search{in: in, clues: clues, known: make(map[string]fit), first: make(map[int]first)}
	a, best := s.answers()
	return s.found(a, best, clues.looked)
}

// search compares renderings with what is there.
type search struct {
	in    Input
	clues clues
	known map[string]fit // by template and answers
	first map[int]first
}

// first is the first rendering of a template, of which others take what is the same.
type first struct {
	answers answers.Answers
	tree    *render.Tree
}

// fit is how like a rendering is to what is there. Of user's files the same is
// counted: what managed files do not tell, they do.
type fit struct {
	record       project.Project
	managed      []File
	users        []File
	isImpossible bool // nothing is rendered with these answers
}

// found makes the record, or says that there is nothing to make one of.
func (s *search) found(a answers.Answers, best int, looked []string) (Found, error) {
	f := Found{}
	if s.clues.recorded == nil {
		f.Guessed = s.clues.guessed
		for _, topic := range s.clues.registered {
			if !slices.Contains(a.Topics, topic) {
				f.Untaken = appendNew(f.Untaken, topic)
			}
		}
	}
	taken := s.fit(best, a)
	f.Record, f.Files = taken.record, taken.managed
	there := 0
	for _, file := range f.Files {
		if file.Like >= 0.5 {
			there++
		}
	}
	if there*2 < len(f.Files) || len(f.Files) == 0 {
		looked = append(looked, fmt.Sprintf("%d of the %d files that forge %s manages are there, or like them", there, len(f.Files), s.in.Templates[best].Version))
		return Found{}, &NotServiceError{looked}
	}
	s.lookBack(&f, a, best)
	for i, t := range s.in.Templates {
		if i == best {
			continue
		}
		if other := s.fit(i, a); !other.isImpossible {
			f.Others = append(f.Others, Other{t.Version, sure(other.managed), compareFiles(other.managed, taken.managed) == 0})
		}
	}
	slices.SortStableFunc(f.Others, func(x, y Other) int { return cmp.Compare(y.Sure, x.Sure) })
	return f, nil
}

// lookBack records the user's files as the release wrote them that is most like
// them: an update leaves them as an older one wrote them.
func (s *search) lookBack(f *Found, a answers.Answers, best int) {
	like := make(map[string]float64)
	for _, file := range s.fit(best, a).users {
		like[file.Path] = file.Like
	}
	for i := range slices.Backward(s.in.Templates[:best]) {
		older := s.fit(i, a)
		for _, file := range older.users {
			at := slices.IndexFunc(f.Record.Files, func(r project.File) bool { return r.Path == file.Path })
			if at < 0 || file.Like <= like[file.Path] {
				continue
			}
			like[file.Path] = file.Like
			old := slices.IndexFunc(older.record.Files, func(r project.File) bool { return r.Path == file.Path })
			f.Record.Files[at] = older.record.Files[old]
		}
	}
}

// fit renders a template with answers, and compares.
func (s *search) fit(template int, a answers.Answers) fit {
	key := fmt.Sprint(template, a)
	if f, ok := s.known[key]; ok {
		return f
	}
	f := s.compare(template, a)
	s.known[key] = f
	return f
}

func (s *search) compare(template int, a answers.Answers) fit {
	tree, err := s.render(template, a)
	if err != nil {
		return fit{isImpossible: true}
	}
	f := fit{record: project.Project{Schema: project.Schema, Forge: s.in.Templates[template].Version, Answers: a}}
	for _, rendered := range tree.Files {
		if rendered.Path == project.Path {
			continue
		}
		f.record.Files = append(f.record.Files, project.NewFile(rendered.Path, rendered.Mode, rendered.Content, rendered.Owner))
		file := s.clues.disk.compare(rendered)
		if rendered.Owner == project.Managed {
			f.managed = append(f.managed, file)
		} else {
			f.users = append(f.users, file)
		}
	}
	return f
}

func (s *search) render(template int, a answers.Answers) (*render.Tree, error) {
	t := s.in.Templates[template]
	if first, ok := s.first[template]; ok {
		return render.Other(t.Files, first.answers, first.tree, a, t.Version)
	}
	tree, err := render.Render(t.Files, a, t.Version)
	if err == nil {
		s.first[template] = first{a, tree}
	}
	return tree, err
}

// compare compares two fits: by the managed files, and only if they tell nothing by
// the user's.
func (f fit) compare(g fit) int {
	switch {
	case f.isImpossible && g.isImpossible:
		return 0
	case f.isImpossible:
		return -1
	case g.isImpossible:
		return 1
	}
	return cmp.Or(compareFiles(f.managed, g.managed), compareFiles(f.users, g.users))
}

// compareFiles compares by what is the same, less what is not there at all; and
// then by how like the rest is.
func compareFiles(a, b []File) int {
	same := func(files []File) (n int, like float64) {
		for _, f := range files {
			like += f.Like
			switch f.State {
			case Same:
				n++
			case Missing:
				n--
			}
		}
		return n, like
	}
	n, like := same(a)
	m, other := same(b)
	const least = 1e-6 // sums of the same numbers in another order differ by less
	switch {
	case n != m:
		return cmp.Compare(n, m)
	case like-other > least:
		return 1
	case other-like > least:
		return -1
	}
	return 0
}
