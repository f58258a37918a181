package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/ouroboros-forge/forge/internal/adopt"
	"github.com/ouroboros-forge/forge/internal/project"
)

// adopted is what was found out about a project.
type adopted struct {
	adopt.Found

	site    *site
	options *adoptOptions
	elapsed time.Duration
}

// jsonAdopted is that for programs.
type jsonAdopted struct {
	Command string      `json:"command"`
	Project string      `json:"project"` // absolute
	Forge   string      `json:"forge"`   // the closest release
	Sure    float64     `json:"sure"`    // how much of what it manages is there, in percent
	Answers jsonAnswers `json:"answers"`
	Guessed []string    `json:"guessed"` // answers that no setting says
	Untaken []string    `json:"untaken"` // topics that are registered and are not among the answers

	Counts  map[string]int     `json:"counts"` // managed files: same, edited, missing
	Files   []jsonAdoptedFile  `json:"files"`  // those that are not the same
	AsClose []string           `json:"asClose"`
	Others  map[string]float64 `json:"others"` // other releases, and how sure they would be
	Written bool               `json:"written"`
}

type jsonAnswers struct {
	Name    string   `json:"name"`
	Module  string   `json:"module"`
	Topics  []string `json:"topics"`
	Group   string   `json:"group"`
	Source  string   `json:"source"`
	Brokers []string `json:"brokers"`
	With    []string `json:"with"`
}

type jsonAdoptedFile struct {
	Path  string  `json:"path"`
	State string  `json:"state"` // edited, missing
	Like  float64 `json:"like"`  // how much of it is the same, in percent
}

// percent has one digit after the point, and is 100 for all alone.
func percent(part float64) float64 { return float64(int(part*1000)) / 10 }

func (d adopted) asClose() []string {
	all := []string{}
	for _, o := range d.Others {
		if o.AsClose {
			all = append(all, o.Version)
		}
	}
	return all
}

func (d adopted) print(t terminal) error {
	if d.options.asJSON {
		return printJSON(t, d.forPrograms())
	}
	if d.options.quiet {
		return nil
	}
	_, err := fmt.Fprint(t.stdout, d.text(t))
	if d.options.dryRun {
		fmt.Fprintln(t.stderr, nothingWritten)
	}
	return err
}

func (d adopted) forPrograms() jsonAdopted {
	a := d.Record.Answers
	j := jsonAdopted{
		Command: "adopt", Project: d.site.root, Forge: d.Record.Forge, Sure: percent(d.Sure()), Written: !d.options.dryRun,
		Answers: jsonAnswers{a.Name, a.Module, a.Topics, a.Group, a.Source, a.Brokers, append([]string{}, a.With...)}, Guessed: append([]string{}, d.Guessed...), Untaken: append([]string{}, d.Untaken...),
		Counts: make(map[string]int), Files: []jsonAdoptedFile{}, AsClose: d.asClose(), Others: make(map[string]float64),
	}
	for _, state := range []string{adopt.Same, adopt.Edited, adopt.Missing} {
		j.Counts[state] = d.Count(state)
	}
	for _, f := range d.Files {
		if f.State != adopt.Same {
			j.Files = append(j.Files, jsonAdoptedFile{f.Path, f.State, percent(f.Like)})
		}
	}
	for _, o := range d.Others {
		j.Others[o.Version] = percent(o.Sure)
	}
	return j
}

// text shows the files that are not the same, the answers, and how sure that is.
func (d adopted) text(t terminal) string {
	var rows []row
	for _, f := range d.Files {
		switch f.State {
		case adopt.Edited:
			rows = append(rows, row{"~", f.Path, fmt.Sprintf("edited, %.0f %% the same", f.Like*100)})
		case adopt.Missing:
			rows = append(rows, row{"-", f.Path, "missing"})
		}
	}
	counts := fmt.Sprintf("%d same, %d edited, %d missing; %d ms", d.Count(adopt.Same), d.Count(adopt.Edited), d.Count(adopt.Missing), d.elapsed.Milliseconds())
	rows = append(rows, row{name: "…", text: counts})
	var b strings.Builder
	b.WriteString(t.tree(filepath.Base(d.site.root)+"  "+t.style(faint, "made by forge "+d.Record.Forge), rows))
	a := d.Record.Answers
	with := "nothing"
	if len(a.With) > 0 {
		with = strings.Join(a.With, ", ")
	}
	fmt.Fprintf(&b, "\n%s, module %s, topics %s, group %s, source %s, brokers %s, with %s\n", a.Name, a.Module, strings.Join(a.Topics, ", "), a.Group, a.Source, strings.Join(a.Brokers, ","), with)
	fmt.Fprintf(&b, "%.1f %% sure: so much of the content of managed files is that of forge %s\n", percent(d.Sure()), d.Record.Forge)
	if len(d.Guessed) > 0 {
		fmt.Fprintf(&b, "%s guessed: neither .env.example nor .env says them\n", strings.Join(d.Guessed, " and "))
	}
	if len(d.Untaken) > 0 {
		fmt.Fprintf(&b, "registered and not taken: %s, of which handlers/, models/ and dev/samples/ have no file by that name\n", strings.Join(d.Untaken, ", "))
	}
	if same := d.asClose(); len(same) > 0 {
		fmt.Fprintf(&b, "as close, in what they manage: forge %s\n", strings.Join(same, ", "))
	} else if len(d.Others) > 0 {
		fmt.Fprintf(&b, "next: forge %s, %.1f %%\n", d.Others[0].Version, percent(d.Others[0].Sure))
	}
	if !d.options.dryRun {
		fmt.Fprintf(&b, "%s is written\n\n  %-14s  %s\n", project.Path, "forge undo", t.style(faint, "# takes this back"))
	}
	return b.String()
}
