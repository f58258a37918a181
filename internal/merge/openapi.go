package merge

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
)

// OpenAPI merges a description of an API in YAML. The entries of its paths, and of the
// schemas of its components, are merged by their keys: those that only one side has
// changed, added or taken out are as that side has them, byte for byte, in its order.
// The lines of an entry that both changed, and all of the rest, are merged by Three, as
// is a file without these lists.
// A result that has a key twice, or refers to a schema that has gone, is a conflict as a
// whole.
func OpenAPI(base, ours, theirs []byte, labels Labels) (merged []byte, conflicts []Conflict) {
	if done, ok := trivial(base, ours, theirs); ok {
		return done, nil
	}
	merged, conflicts = mergeOpenAPI(base, ours, theirs, labels)
	if len(conflicts) == 0 && !isSound(ours, theirs, merged) {
		return ours, []Conflict{{}}
	}
	return merged, conflicts
}

func mergeOpenAPI(base, ours, theirs []byte, labels Labels) (merged []byte, conflicts []Conflict) {
	var docs [3]document
	for i, text := range [][]byte{LikeLines(ours, base), ours, LikeLines(ours, theirs)} {
		var ok bool
		if docs[i], ok = cutOpenAPI(ended(text)); !ok {
			return Three(base, ours, theirs, labels)
		}
	}
	rest, _ := Three([]byte(docs[0].rest), []byte(docs[1].rest), []byte(docs[2].rest), labels)
	for i, mark := range listMarks {
		if bytes.Count(rest, []byte(mark)) != 1 { // it is in a conflict
			return Three(base, ours, theirs, labels)
		}
		rest = bytes.Replace(rest, []byte(mark), []byte(mergeEntries(docs[0].lists[i], docs[1].lists[i], docs[2].lists[i], labels)), 1)
	}
	conflicts = Markers(rest)
	if _, ok := cutOpenAPI(rest); !ok && len(conflicts) == 0 { // such as a key that is there twice
		return Three(base, ours, theirs, labels)
	}
	return rest, conflicts
}

// document is a description of an API: its lists of entries, and the rest, which has
// the mark of each list in its place.
type document struct {
	rest  string
	lists [2][]entry // paths, and components/schemas
}

// listMarks stand for the lists. No YAML has that character.
var listMarks = [2]string{"\x01paths\n", "\x01schemas\n"}

// entry is one of a list, with the comments before it.
type entry struct{ key, text string }

var yamlKey = regexp.MustCompile(`^ *("(?:[^"\\]|\\.)*"|'[^']*'|[^\s#"'?\[{&*!|>%@-][^#]*?) *:(?: +(.*))?$`)

// keyOf is the key of a line, if it has one, and the value behind it.
func keyOf(line string) (key, value string, ok bool) {
	found := yamlKey.FindStringSubmatch(strings.TrimRight(line, " \r\n"))
	if found == nil {
		return "", "", false
	}
	value, _, _ = strings.Cut(" "+found[2], " #")
	return strings.Trim(found[1], `"'`), strings.TrimSpace(value), true
}

// cutOpenAPI takes a description apart. It reports false where that has no list of
// paths or none of schemas, or one in another style than a key on each line.
func cutOpenAPI(text []byte) (document, bool) {
	c := cutter{list: -1}
	for line := range strings.Lines(string(text)) {
		if !c.add(line) {
			return document{}, false
		}
	}
	c.end()
	c.document.rest = c.rest.String()
	return c.document, c.found == [2]bool{true, true}
}

// cutter takes a description apart, line by line.
type cutter struct {
	document

	rest    strings.Builder // becomes that of the document
	text    strings.Builder // becomes that of the list's last entry
	pending strings.Builder // lines without content, which belong to what follows
	keys    map[string]bool // of the list
	found   [2]bool
	top     string // the key that the line is below
	width   int    // the indent of what is in components, 0 before the first
	list    int    // the list that the line is in, -1 in none
	above   int    // the indent of the list's key
	indent  int    // that of its entries, 0 before the first
}

func (c *cutter) add(line string) bool {
	content := strings.TrimSpace(line)
	indent := len(line) - len(strings.TrimLeft(line, " "))
	isBlank := content == "" || content[0] == '#'
	switch {
	case c.list < 0:
		c.rest.WriteString(line)
		return isBlank || c.open(line, indent)
	case content == "", isBlank && (c.indent == 0 || indent <= c.indent):
		c.pending.WriteString(line)
		return true
	case indent <= c.above:
		c.end()
		return c.add(line)
	}
	if c.indent == 0 {
		c.indent = indent
	}
	if indent <= c.indent {
		key, _, ok := keyOf(line)
		if !ok || indent < c.indent || c.keys[key] {
			return false
		}
		c.endEntry()
		c.keys[key] = true
		c.lists[c.list] = append(c.lists[c.list], entry{key: key})
	}
	move(&c.text, &c.pending)
	c.text.WriteString(line)
	return true
}

// move empties a text into another one.
func move(to, from *strings.Builder) {
	to.WriteString(from.String())
	from.Reset()
}

// open notes where a line outside the lists is, and whether it begins one. It reports
// false if that is no list of entries, or there already.
func (c *cutter) open(line string, indent int) bool {
	key, value, ok := keyOf(line)
	list := -1
	switch {
	case !ok:
	case indent == 0:
		c.top, c.width = key, 0
		if key == "paths" {
			list = 0
		}
	case c.top == "components":
		if c.width == 0 {
			c.width = indent
		}
		if indent == c.width && key == "schemas" {
			list = 1
		}
	}
	if list < 0 {
		return true
	}
	if value != "" || c.found[list] {
		return false
	}
	c.found[list], c.list, c.above, c.indent, c.keys = true, list, indent, 0, make(map[string]bool)
	c.rest.WriteString(listMarks[list])
	return true
}

// endEntry ends the last entry of a list, if it has one.
func (c *cutter) endEntry() {
	if n := len(c.keys); n > 0 {
		c.lists[c.list][n-1].text = c.text.String()
		c.text.Reset()
	}
}

// end ends a list. Comments after its last entry are part of the rest.
func (c *cutter) end() {
	c.endEntry()
	c.keys = nil
	move(&c.rest, &c.pending)
	c.list = -1
}

// mergeEntries merges a list by keys, in the order of ours; what theirs adds follows
// what it follows there.
func mergeEntries(base, ours, theirs []entry, labels Labels) string {
	ours, theirs = identified(base, ours, theirs), identified(base, theirs, ours)
	was, next := textsOf(base), textsOf(theirs)
	var all []entry
	add := func(at int, key, ours string) int {
		if next[key] == "" && bare(was[key]) == bare(ours) || ours == "" && bare(was[key]) == bare(next[key]) && was[key] != "" {
			return at // one side has taken it out, and the other has left it alone
		}
		merged, _ := Three([]byte(was[key]), []byte(ours), []byte(next[key]), labels)
		all = slices.Insert(all, at, entry{key, string(merged)})
		return at + 1
	}
	for _, e := range ours {
		add(len(all), e.key, e.text)
	}
	at := 0
	for _, e := range theirs {
		if i := slices.IndexFunc(all, func(other entry) bool { return other.key == e.key }); i >= 0 {
			at = i + 1
			continue
		}
		for at < len(all) && was[all[at].key] == "" && next[all[at].key] == "" { // what ours has added there comes first
			at++
		}
		at = add(at, e.key, "")
	}
	var b strings.Builder
	for _, e := range all {
		b.WriteString(e.text)
	}
	return b.String()
}

// identified gives entries that one side has renamed the key that they had: those in
// the place of one that is gone, and like it.
func identified(base, side, other []entry) []entry {
	is, was, others := textsOf(side), textsOf(base), textsOf(other)
	renamed := slices.Clone(side)
	for i, e := range base {
		at := 0
		if i > 0 {
			at = 1 + slices.IndexFunc(renamed, func(s entry) bool { return s.key == base[i-1].key })
		}
		if is[e.key] != "" || i > 0 && at == 0 || at == len(renamed) {
			continue
		}
		if s := renamed[at]; was[s.key] == "" && others[s.key] == "" && Similarity([]byte(e.text), []byte(s.text)) > 0.5 {
			renamed[at].key = e.key
		}
	}
	return renamed
}

func textsOf(list []entry) map[string]string {
	texts := make(map[string]string, len(list))
	for _, e := range list {
		texts[e.key] = e.text
	}
	return texts
}

// bare is a text without its empty lines.
func bare(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" {
			b.WriteString(line)
		}
	}
	return b.String()
}
