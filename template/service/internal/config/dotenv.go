package config

import (
	"regexp"
	"strings"
)

// DotEnv is the name of the file of variables, read from the working directory.
const DotEnv = ".env"

// A line of .env is NAME=value, perhaps after export. In single quotes each
// character stands for itself; in double quotes \n is a line break, and \" \\ \$
// are the character behind the backslash; both may have several lines. Any other
// value ends at a blank with a # behind it, and \$ is a $.
var (
	dotEnvName    = regexp.MustCompile(`^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.]*)\s*=`)
	dotEnvQuoted  = regexp.MustCompile(`^[ \t]*(?:'([^']*)'|"((?:[^"\\]|\\.)*)")[ \t]*(?:[ \t]#.*)?(?:\n|$)`)
	dotEnvComment = regexp.MustCompile(`\s+#.*`)
	dotEnvEscapes = strings.NewReplacer(`\n`, "\n", `\r`, "\r", `\t`, "\t", `\"`, `"`, `\$`, "$", `\\`, `\`)
	// A shell, Docker Compose and other readers of .env put a variable's value there.
	dotEnvExpands = regexp.MustCompile(`(?:^|[^\\])\$[A-Za-z0-9_{(]`)
)

// readDotEnv reads the text of .env. What other readers of such a file would
// change is refused, and never changed.
func (l *loader) readDotEnv(text string) layer {
	found := make(layer)
	text = strings.ReplaceAll(strings.TrimPrefix(text, "\ufeff"), "\r\n", "\n")
	for line := 1; text != ""; {
		statement, _, _ := strings.Cut(text, "\n")
		v := value{file: DotEnv, line: line}
		if m := dotEnvName.FindStringSubmatch(statement); m != nil {
			v.name = m[1]
			statement = statement[:len(m[0])] + l.dotEnvValue(&v, text[len(m[0]):])
		} else if trimmed := strings.TrimSpace(statement); trimmed != "" && trimmed[0] != '#' {
			l.note("%s: not NAME=value, with letters, digits and underscores for a name", v.place())
		}
		if first, again := found[v.name]; again {
			l.note("%s: %s stands in line %d already", v.place(), v.name, first.line)
		} else if v.name != "" {
			found[v.name] = v
		}
		line += strings.Count(strings.TrimSuffix(statement, "\n"), "\n") + 1
		text = strings.TrimPrefix(text[len(strings.TrimSuffix(statement, "\n")):], "\n")
	}
	return found
}

// dotEnvValue sets the text of v from what stands behind the = and returns what it has
// read, perhaps with the line break behind it.
func (l *loader) dotEnvValue(v *value, text string) string {
	line, _, _ := strings.Cut(text, "\n")
	expands := false
	switch q := dotEnvQuoted.FindStringSubmatch(text); {
	case q != nil:
		v.text, expands, line = q[1]+dotEnvEscapes.Replace(q[2]), dotEnvExpands.MatchString(q[2]), q[0]
	case strings.HasPrefix(strings.TrimSpace(line), "'"), strings.HasPrefix(strings.TrimSpace(line), `"`):
		l.note("%s: %s: its quote is not closed, or more stands behind the closing one", v.place(), v.name)
	default:
		bare := dotEnvComment.ReplaceAllString(line, "")
		v.text, v.cut, expands = strings.ReplaceAll(strings.TrimSpace(bare), `\$`, "$"), bare != line, dotEnvExpands.MatchString(bare)
	}
	if expands {
		l.note("%s: %s: a $ and what follows may be taken for a variable: put the value in single quotes", v.place(), v.name)
	}
	return line
}
