package merge_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ouroboros-forge/forge/internal/merge"
)

var labels = merge.Labels{Ours: "yours", Base: "base", Theirs: "forge"}

// TestThree shows what a person gets.
func TestThree(t *testing.T) {
	const base = "a\nb\nc\nd\ne\n"
	for _, c := range []struct {
		name               string
		base, ours, theirs string
		want               string
		conflicts          []merge.Conflict
	}{
		{"only ours", base, "a\nB\nc\nd\ne\n", base, "a\nB\nc\nd\ne\n", nil},
		{"only theirs", base, base, "a\nB\nc\nd\ne\n", "a\nB\nc\nd\ne\n", nil},
		{"the same", base, "a\nB\nc\nd\ne\n", "a\nB\nc\nd\ne\n", "a\nB\nc\nd\ne\n", nil},
		{"far apart", base, "A\nb\nc\nd\ne\n", "a\nb\nc\nd\nE\n", "A\nb\nc\nd\nE\n", nil},
		{"each deletes one of two like lines", "1\n1\n2\n1\n3\n3\n", "1\n1\n2\n1\n3\n", "9\n2\n9\n2\n7\n1\n1\n3\n", "9\n2\n9\n2\n7\n1\n1\n3\n", nil},
		{"same and more", base, "A\nb\nc\nd\ne\n", "A\nb\nc\nd\nE\n", "A\nb\nc\nd\nE\n", nil},
		{
			"one line", base, "a\nb\nOURS\nd\ne\n", "a\nb\nTHEIRS\nd\ne\n",
			"a\nb\n<<<<<<< yours\nOURS\n||||||| base\nc\n=======\nTHEIRS\n>>>>>>> forge\nd\ne\n", []merge.Conflict{{Start: 3, End: 9}},
		},
		{
			"lines that follow each other", base, "a\nB\nc\nd\ne\n", "a\nb\nC\nd\ne\n",
			"a\n<<<<<<< yours\nB\nc\n||||||| base\nb\nc\n=======\nb\nC\n>>>>>>> forge\nd\ne\n", []merge.Conflict{{Start: 2, End: 11}},
		},
		{"no line break at the end", "a\nb\nc", "A\nb\nc", "a\nb\nC", "A\nb\nC", nil},
		{
			"a conflict without a line break", "a", "b", "c",
			"<<<<<<< yours\nb\n||||||| base\na\n=======\nc\n>>>>>>> forge\n", []merge.Conflict{{Start: 1, End: 7}},
		},
		{"CR LF in ours alone", base, "A\r\nb\r\nc\r\nd\r\ne\r\n", "a\nb\nc\nd\nE\n", "A\r\nb\r\nc\r\nd\r\nE\r\n", nil},
		{"nothing but CR LF is ours", base, "a\r\nb\r\nc\r\nd\r\ne\r\n", "a\nb\nc\nd\nE\n", "a\r\nb\r\nc\r\nd\r\nE\r\n", nil},
		{
			"a conflict in CR LF", "a\n", "b\r\n", "c\n",
			"<<<<<<< yours\r\nb\r\n||||||| base\r\na\r\n=======\r\nc\r\n>>>>>>> forge\r\n", []merge.Conflict{{Start: 1, End: 7}},
		},
		{"binary", "a\x00", "b\x00", "c\x00", "b\x00", []merge.Conflict{{}}},
		{"binary that only theirs changed", "a\x00", "a\x00", "c\x00", "c\x00", nil},
		{"all deleted", base, "", base, "", nil},
		{"all new", "", "", "a\n", "a\n", nil},
	} {
		got, conflicts := merge.Three([]byte(c.base), []byte(c.ours), []byte(c.theirs), labels)
		if string(got) != c.want || fmt.Sprint(conflicts) != fmt.Sprint(c.conflicts) {
			t.Errorf("%s: %v %q, want %v %q", c.name, conflicts, got, c.conflicts, c.want)
		}
		if left := merge.Markers(got); !strings.Contains(c.name, "binary") && fmt.Sprint(left) != fmt.Sprint(conflicts) {
			t.Errorf("%s: Markers finds %v, want %v", c.name, left, conflicts)
		}
	}
}

// A heading underlined in Markdown, or half a conflict, is none.
func TestMarkersAreComplete(t *testing.T) {
	for _, text := range []string{"a\n=======\nb\n", "<<<<<<< x\n=======\n>>>>>>> y\n", "||||||| x\n=======\n>>>>>>> y\n", "<<<<<<< x\n||||||| y\n=======x\n>>>>>>> y\n"} {
		if got := merge.Markers([]byte(text)); got != nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// version is a text and two edits of it. Few words make lines that are often the
// same, which is where merging is hard.
type version struct{ base, ours, theirs []byte }

func anyVersion(distinct bool, longest int) *rapid.Generator[version] {
	return rapid.Custom(func(t *rapid.T) version {
		n := rapid.IntRange(0, longest).Draw(t, "lines")
		words := rapid.IntRange(1, 12).Draw(t, "words")
		fresh := 0
		line := func() string {
			if fresh++; distinct {
				return fmt.Sprintf("line %d\n", fresh)
			}
			return fmt.Sprintf("line %d\n", rapid.IntRange(1, words).Draw(t, "word"))
		}
		var base []string
		for range n {
			base = append(base, line())
		}
		edit := func(name string) []byte {
			var out []string
			rest := base
			for range rapid.IntRange(0, 4).Draw(t, name) {
				keep := rapid.IntRange(0, len(rest)).Draw(t, "keep")
				out, rest = append(out, rest[:keep]...), rest[keep:]
				rest = rest[rapid.IntRange(0, min(4, len(rest))).Draw(t, "delete"):]
				for range rapid.IntRange(0, 3).Draw(t, "insert") {
					out = append(out, line())
				}
			}
			return ended(t, strings.Join(append(out, rest...), ""))
		}
		return version{ended(t, strings.Join(base, "")), edit("ours"), edit("theirs")}
	})
}

// ended takes the last line break off, sometimes.
func ended(t *rapid.T, text string) []byte {
	if rapid.IntRange(0, 9).Draw(t, "ended") == 0 {
		text = strings.TrimSuffix(text, "\n")
	}
	return []byte(text)
}

// TestAsGit proves that merging gives git's bytes, with a conflict or without.
//
// In texts of which most lines are the same, git does not look for a shortest
// difference: it leaves out at first the lines that the other text has about as often
// as the square root of its length. Some of these it merges in another way, one in
// some thousands of the short ones, and TestNothingIsLost says what holds there. For
// settle see below.
func TestAsGit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("NOT TESTED: no git")
	}
	for _, c := range []struct {
		name     string
		distinct bool
		longest  int
		others   float64 // how many of all may be merged in another way
	}{
		{"distinct lines", true, 25, 0},
		{"like lines", false, 25, 0.005},
		{"many distinct lines", true, 400, 0},
		{"many like lines", false, 400, 0.05},
	} {
		cases, others := 0, 0
		dir := t.TempDir()
		rapid.Check(t, func(t *rapid.T) {
			for _, v := range rapid.SliceOfN(anyVersion(c.distinct, c.longest), 10, 10).Draw(t, "versions") {
				cases++
				got, _ := merge.Three(v.base, v.ours, v.theirs, labels)
				want := byGit(t, dir, v)
				if bytes.Equal(got, want) || bytes.Equal(got, settle(want)) {
					continue
				}
				if others++; c.others == 0 {
					t.Fatalf("got:\n%s\nwant:\n%s", got, want)
				}
			}
		})
		t.Logf("%s: %d of %d merged in another way", c.name, others, cases)
		if float64(others) > c.others*float64(cases) {
			t.Errorf("%s: %d of %d are merged in another way than git does", c.name, others, cases)
		}
	}
}

// settle takes out of git's text the conflicts whose sides are the same. git has them
// where each side deleted another one of two like lines; forge takes what both have.
func settle(text []byte) []byte {
	const conflict = `(?ms)^<<<<<<< yours\n((?:line \d+\n)*)\|{7} base\n(?:line \d+\n)*=======\n((?:line \d+\n)*)>>>>>>> forge\n`
	return regexp.MustCompile(conflict).ReplaceAllFunc(text, func(found []byte) []byte {
		if sides := regexp.MustCompile(conflict).FindSubmatch(found); bytes.Equal(sides[1], sides[2]) {
			return sides[1]
		}
		return found
	})
}

func byGit(t *rapid.T, dir string, v version) []byte {
	for name, text := range map[string][]byte{"yours": v.ours, "base": v.base, "forge": v.theirs} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("git", "merge-file", "-p", "--diff3", "yours", "base", "forge")
	cmd.Dir = dir
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() > 127) {
		t.Fatal(err)
	}
	return out
}

// TestNothingIsLost proves that each line of one side is in the result, unless
// the other side deleted it, and what follows from it.
func TestNothingIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := anyVersion(rapid.Bool().Draw(t, "distinct"), 60).Draw(t, "version")
		if err := holds(v); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzThree proves it of any text.
func FuzzThree(f *testing.F) {
	f.Add([]byte("a\nb\nc\n"), []byte("a\nB\nc\n"), []byte("a\nb\nC"))
	f.Add([]byte("a\r\nb\r\n"), []byte("a\n"), []byte(""))
	f.Add([]byte("a\x00"), []byte("b"), []byte("\n\n\n"))
	f.Fuzz(func(t *testing.T, base, ours, theirs []byte) {
		if err := holds(version{base, ours, theirs}); err != nil {
			t.Error(err)
		}
	})
}

func holds(v version) error {
	got, conflicts := merge.Three(v.base, v.ours, v.theirs, labels)
	for _, c := range []struct {
		name               string
		base, ours, theirs []byte
		want               []byte
	}{
		{"ours alone", v.base, v.ours, v.base, v.ours},
		{"theirs alone", v.base, v.base, v.theirs, v.theirs},
		{"both the same", v.base, v.ours, v.ours, v.ours},
	} {
		if got, conflicts := merge.Three(c.base, c.ours, c.theirs, labels); len(conflicts) > 0 || !bytes.Equal(got, c.want) {
			return fmt.Errorf("%s: %v %q, want %q", c.name, conflicts, got, c.want)
		}
	}
	if bytes.ContainsRune(slices.Concat(v.base, v.ours, v.theirs), 0) {
		return nil
	}
	for _, side := range []struct {
		name       string
		one, other []byte
	}{{"ours", v.ours, v.theirs}, {"theirs", v.theirs, v.ours}} {
		for line, n := range wanted(v.base, side.one, side.other) {
			if have := count(got, true)[line]; have < n {
				return fmt.Errorf("%q of %s is to be there %d times, it is %d times: %q", line, side.name, n, have, got)
			}
		}
	}
	for _, c := range conflicts {
		if c.Start < 1 || c.End <= c.Start || c.End > strings.Count(string(got), "\n") {
			return fmt.Errorf("a conflict in the lines %v of %q", c, got)
		}
	}
	return nil
}

// wanted counts the lines of one side that the other did not delete.
func wanted(base, one, other []byte) map[string]int {
	lines := make(map[string]int)
	have := count(one, false)
	for _, line := range merge.Deleted(base, other) {
		have[strings.ReplaceAll(line, "\r\n", "\n")]--
	}
	for line, n := range have {
		if n > 0 {
			lines[strings.TrimRight(line, "\r\n")] += n
		}
	}
	return lines
}

// count counts the lines of a text. A last line without a line break may get one
// in a conflict, and CR LF may become what the others have; bare says whether
// lines with and without are the same.
func count(text []byte, bare bool) map[string]int {
	lines := make(map[string]int)
	for line := range strings.Lines(strings.ReplaceAll(string(text), "\r\n", "\n")) {
		if bare {
			line = strings.TrimRight(line, "\r\n")
		}
		lines[line]++
	}
	return lines
}

// A file that was replaced as a whole, and one of many like lines, take no time
// that a person would notice.
func TestLargeFiles(t *testing.T) {
	var base, other, few, fewer bytes.Buffer
	for i := range 40_000 {
		fmt.Fprintf(&base, "line %d\n", i)
		fmt.Fprintf(&other, "other %d\n", i)
		fmt.Fprintf(&few, "line %d\n", i*i%97)
		fmt.Fprintf(&fewer, "line %d\n", i*i*i%89)
	}
	if got, _ := merge.Three(base.Bytes(), other.Bytes(), append(base.Bytes(), "more\n"...), labels); !bytes.HasPrefix(got, []byte("<<<<<<<")) {
		t.Errorf("%.200s", got)
	}
	if err := holds(version{few.Bytes(), fewer.Bytes(), append(few.Bytes(), "more\n"...)}); err != nil {
		t.Errorf("%.200v", err)
	}
}

// A text gets the ends of a file's lines: all the same, or each that which it has there.
func TestLikeLines(t *testing.T) {
	for _, tt := range []struct{ file, text, want string }{
		{"a\nb\n", "a\nc\n", "a\nc\n"},
		{"a\r\nb\r\n", "a\nc\n", "a\r\nc\r\n"},
		{"a\r\nb\nc\n", "a\nb\nnew\nc\n", "a\r\nb\nnew\nc\n"},
		{"a\nb\r\nc\n", "a\nb\nnew\nc", "a\nb\r\nnew\r\nc"},
		{"a\r\nb\n", "new\na\nb\n", "new\r\na\r\nb\n"},
		{"a\nb\r\n", "a\n", "a\n"},
	} {
		if got := string(merge.LikeLines([]byte(tt.file), []byte(tt.text))); got != tt.want {
			t.Errorf("%q like %q is %q, want %q", tt.text, tt.file, got, tt.want)
		}
	}
}
