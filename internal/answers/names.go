package answers

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// Names are the names that a topic gives to things in the project.
//
// A topic is cut into words at every character that is not a letter or digit.
//
//   - Handler, a type in handlers/: the words, each with a capital first, in
//     one. It gets the prefix Topic where it would be no identifier of its own:
//     no words, a digit first, a name that handlers/ or models/ declare, or one
//     that begins with New, Test, Benchmark, Fuzz or Example, because NewX is the
//     constructor of X and the others are functions of its tests.
//   - Model, a type in models/: Handler in the singular.
//   - MessageType, the header's messageType: Model and Created.
//   - File, without its extension: the words in lower case, joined by _ (camel
//     case is cut as well). It gets the suffix _topic where the go command or
//     Windows would read a meaning into it (_test, an operating system or
//     architecture last) or another file has it, and where it is long its middle
//     gives way to a hash.
//
// The rules look at one topic alone: adding a topic never renames another. Two
// topics that still meet are refused by CheckTopics.
type Names struct {
	Topic       string // 1st.topic_X-y      orders
	Handler     string // Topic1stTopicXY    Orders
	Model       string // Topic1stTopicXY    Order
	MessageType string // Topic1st…Created   OrderCreated
	File        string // 1st_topic_x_y      orders
}

// NamesOf returns the names of a valid topic.
func NamesOf(topic string) Names {
	words := strings.FieldsFunc(topic, func(r rune) bool { return !isAlnum(r) })
	handler := identifier(words)
	model := singular(handler)
	return Names{
		Topic:       topic,
		Handler:     handler,
		Model:       model,
		MessageType: model + "Created",
		File:        fileName(words),
	}
}

// prefix makes an identifier of what is none, or not a free one.
const prefix = "Topic"

func identifier(words []string) string {
	var b strings.Builder
	for _, w := range words {
		b.WriteString(strings.ToUpper(w[:1]) + w[1:])
	}
	name := b.String()
	if name == "" || name[0] <= '9' || takenIdentifier(name) {
		return prefix + name
	}
	return name
}

// takenIdentifier reports whether handlers/ or its tests may declare name.
func takenIdentifier(name string) bool {
	if name == "Deps" || name == "Register" {
		return true
	}
	for _, p := range []string{"New", "Test", "Benchmark", "Fuzz", "Example"} {
		// Newsletters is a fine name: NewX has a capital, or a digit, after New.
		if rest, ok := strings.CutPrefix(name, p); ok && (rest == "" || rest[0] <= 'Z') {
			return true
		}
	}
	return false
}

// singular makes one of many in the way English mostly does; a wrong guess is
// a name that reads a little odd.
func singular(name string) string {
	lower := strings.ToLower(name)
	for _, same := range []string{"news", "series", "species", "ss", "us", "is"} {
		if strings.HasSuffix(lower, same) {
			return name
		}
	}
	for _, s := range []struct{ plural, cut, add string }{
		{"movies", "s", ""}, {"cookies", "s", ""}, {"ies", "ies", "y"},
		{"sses", "es", ""}, {"shes", "es", ""}, {"tches", "es", ""}, {"nches", "es", ""}, {"xes", "es", ""},
		{"s", "s", ""},
	} {
		if strings.HasSuffix(lower, s.plural) && len(name) > 3 {
			base := name[:len(name)-len(s.cut)]
			if isUpper(name[len(name)-1]) {
				return base + strings.ToUpper(s.add)
			}
			return base + s.add
		}
	}
	return name
}

// maxFile keeps the whole file name, _test.go included, below the 255 bytes
// that file systems allow, and paths short enough for everybody.
const maxFile = 80

func fileName(words []string) string {
	var parts []string
	for _, w := range words {
		parts = append(parts, splitCamel(w)...)
	}
	name := strings.ToLower(strings.Join(parts, "_"))
	if len(name) > maxFile {
		sum := sha256.Sum256([]byte(name))
		name = name[:maxFile-9] + "_" + hex.EncodeToString(sum[:4])
	}
	switch {
	case name == "":
		return "topic"
	case slices.Contains(takenFiles, name), isWindowsDevice(name), hasGoMeaning(name):
		return name + "_topic"
	}
	return name
}

// takenFiles are the files in a directory of files of topics that belong to none.
var takenFiles = []string{"handlers", "models", "web", "doc"}

// splitCamel cuts a word before each capital that follows a small letter or digit.
func splitCamel(word string) []string {
	var parts []string
	start := 0
	for i := 1; i < len(word); i++ {
		if isUpper(word[i]) && !isUpper(word[i-1]) {
			parts = append(parts, word[start:i])
			start = i
		}
	}
	return append(parts, word[start:])
}

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }

// hasGoMeaning reports whether the go command would build name.go only on some
// systems, or only for tests.
func hasGoMeaning(name string) bool {
	_, last, ok := cutLast(name, "_")
	return ok && (last == "test" || slices.Contains(goSystems, last))
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// goSystems are the operating systems and architectures that the go command
// knows, past and future ones too (internal/syslist; test asks go tool dist).
var goSystems = []string{
	"aix", "android", "darwin", "dragonfly", "freebsd", "hurd", "illumos", "ios", "js", "linux", "nacl", "netbsd",
	"openbsd", "plan9", "solaris", "wasip1", "windows", "zos",
	"386", "amd64", "amd64p32", "arm", "armbe", "arm64", "arm64be", "loong64", "mips", "mipsle", "mips64", "mips64le",
	"mips64p32", "mips64p32le", "ppc", "ppc64", "ppc64le", "riscv", "riscv64", "s390", "s390x", "sparc", "sparc64", "wasm",
}

// isWindowsDevice reports whether Windows opens a device where a file of that
// name, whatever follows its first dot, is meant.
func isWindowsDevice(name string) bool {
	base, _, _ := strings.Cut(strings.ToLower(name), ".")
	switch base {
	case "con", "prn", "aux", "nul":
		return true
	}
	return len(base) == 4 && (base[:3] == "com" || base[:3] == "lpt") && '1' <= base[3] && base[3] <= '9'
}
