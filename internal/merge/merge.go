// Package merge brings together two files that were made from one: a user's and
// a newer template's. Three does so line by line, as diff3 and git do; GoMod, OpenAPI,
// GoSum and Lines know what is in a file.
package merge

import (
	"bytes"
	"slices"
	"strings"
)

// Labels say in the markers of a conflict where each version is from.
type Labels struct{ Ours, Base, Theirs string }

// Conflict is a place where both sides changed the same lines.
type Conflict struct {
	Start, End int // the lines of the first and the last marker, counted from 1; 0 if the whole file is the conflict
}

// Three merges what ours and theirs made of base. Where both changed the same
// lines, or lines that follow each other, and not to the same, the result has
// all three versions between markers. Binary files that both changed are one
// conflict, and the result is ours.
//
// A file of ours whose lines all end in CR LF keeps that, whatever the others have.
func Three(base, ours, theirs []byte, labels Labels) (merged []byte, conflicts []Conflict) {
	if done, ok := trivial(base, ours, theirs); ok {
		return done, nil
	}
	if isBinary(base) || isBinary(ours) || isBinary(theirs) {
		return ours, []Conflict{{}}
	}
	w := writer{labels: labels, eol: "\n"}
	if hasOnlyCRLF(ours) {
		w.eol = "\r\n"
		base, theirs = LikeLines(ours, base), LikeLines(ours, theirs)
		if done, ok := trivial(base, ours, theirs); ok {
			return done, nil
		}
	}
	f := newFiles(base, ours, theirs)
	for _, r := range f.regions() {
		w.add(f.texts(r))
	}
	return w.out.Bytes(), w.conflicts
}

// trivial merges what one side left alone, or both made the same.
func trivial(base, ours, theirs []byte) (merged []byte, ok bool) {
	switch {
	case bytes.Equal(base, ours):
		return theirs, true
	case bytes.Equal(base, theirs), bytes.Equal(ours, theirs):
		return ours, true
	}
	return nil, false
}

// files are three files as lines, each with its line break, and as numbers that
// stand for these.
type files struct {
	base, ours, theirs    []string
	baseN, oursN, theirsN []int
}

func newFiles(base, ours, theirs []byte) files {
	f := files{base: lines(base), ours: lines(ours), theirs: lines(theirs)}
	numbers := number(f.base, f.ours, f.theirs)
	f.baseN, f.oursN, f.theirsN = numbers[0], numbers[1], numbers[2]
	return f
}

func lines(text []byte) []string { return slices.Collect(strings.Lines(string(text))) }

// region is a range of lines in each of three files: [b0,b1), [o0,o1), [t0,t1).
type region struct{ b0, b1, o0, o1, t0, t1 int }

// regions cuts the files into regions that one side changed, both, or none.
// Differences that touch each other are in one region.
func (f files) regions() []region {
	sides := [2][]hunk{diff(f.baseN, f.oursN), diff(f.baseN, f.theirsN)}
	var all []region
	var grown [2]int // how many lines more than base each side has so far
	end := 0
	for {
		start := len(f.base)
		for _, hunks := range sides {
			if len(hunks) > 0 {
				start = min(start, hunks[0].a0)
			}
		}
		if end < start {
			all = append(all, region{end, start, end + grown[0], start + grown[0], end + grown[1], start + grown[1]})
		}
		if len(sides[0])+len(sides[1]) == 0 {
			return all
		}
		r := region{b0: start, o0: start + grown[0], t0: start + grown[1]}
		end = start
		for again := true; again; {
			again = false
			for i, hunks := range sides {
				if len(hunks) == 0 || hunks[0].a0 > end {
					continue
				}
				h := hunks[0]
				end = max(end, h.a1)
				grown[i] += (h.b1 - h.b0) - (h.a1 - h.a0)
				sides[i], again = hunks[1:], true
			}
		}
		r.b1, r.o1, r.t1 = end, end+grown[0], end+grown[1]
		all = append(all, r)
	}
}

// texts are the lines of a region in each of the files.
type texts struct{ base, ours, theirs []string }

func (f files) texts(r region) texts {
	return texts{f.base[r.b0:r.b1], f.ours[r.o0:r.o1], f.theirs[r.t0:r.t1]}
}

// merged returns the lines of a region that at most one side changed, or both to
// the same.
func (t texts) merged() (lines []string, ok bool) {
	switch {
	case slices.Equal(t.base, t.ours):
		return t.theirs, true
	case slices.Equal(t.base, t.theirs), slices.Equal(t.ours, t.theirs):
		return t.ours, true
	}
	return nil, false
}

// writer writes what is merged, and where that is not possible, a conflict.
type writer struct {
	labels    Labels
	eol       string
	out       bytes.Buffer
	line      int // how many were written
	conflicts []Conflict
}

func (w *writer) add(t texts) {
	if merged, ok := t.merged(); ok {
		w.write(merged)
		return
	}
	start := w.line + 1
	w.side("<<<<<<< "+w.labels.Ours, t.ours)
	w.side("||||||| "+w.labels.Base, t.base)
	w.side("=======", t.theirs)
	w.side(">>>>>>> "+w.labels.Theirs, nil)
	w.conflicts = append(w.conflicts, Conflict{Start: start, End: w.line})
}

// side writes a marker and the lines that follow it, of which the last one may
// be a file's last, without a line break.
func (w *writer) side(marker string, lines []string) {
	w.write([]string{marker + w.eol})
	w.write(lines)
	if len(lines) > 0 && !strings.HasSuffix(lines[len(lines)-1], "\n") {
		w.out.WriteString(w.eol)
	}
}

func (w *writer) write(lines []string) {
	for _, line := range lines {
		w.out.WriteString(line)
	}
	w.line += len(lines)
}

// isBinary reports whether a file is no text, by the rule of git.
func isBinary(content []byte) bool { return bytes.IndexByte(content[:min(len(content), 8000)], 0) >= 0 }

// hasOnlyCRLF reports whether each line of a file ends in CR LF.
func hasOnlyCRLF(text []byte) bool {
	n := bytes.Count(text, []byte("\n"))
	return n > 0 && n == bytes.Count(text, []byte("\r\n"))
}

// LikeLines gives the lines of a text the ends that those of a file have: CR LF, if all
// have that; if some do, each line the end that it has there, and a new one that of the
// line before it.
func LikeLines(file, text []byte) []byte {
	switch {
	case hasOnlyCRLF(file):
		return bytes.ReplaceAll(withLF(text), []byte("\n"), []byte("\r\n"))
	case !bytes.Contains(file, []byte("\r\n")):
		return text
	}
	var out bytes.Buffer
	theirs, was, is := lines(file), lines(withLF(file)), lines(withLF(text))
	at := 0
	for _, c := range append(Changes(was, is), Change{A0: len(was), A1: len(was)}) {
		for _, line := range theirs[at:c.A0] {
			out.WriteString(line)
		}
		end := strings.HasSuffix(theirs[max(c.A0-1, 0)], "\r\n")
		for _, line := range is[c.B0:c.B1] {
			if bare, ok := strings.CutSuffix(line, "\n"); ok && end {
				line = bare + "\r\n"
			}
			out.WriteString(line)
		}
		at = c.A1
	}
	return out.Bytes()
}

// withLF is a text with no line that ends in CR LF.
func withLF(text []byte) []byte { return bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")) }
