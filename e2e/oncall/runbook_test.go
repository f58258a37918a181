package oncall

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// page is what the runbook has under an alert.
type page struct {
	*night
	text string
}

// page follows the alert's link.
func (n *night) page(a alert) page {
	n.Helper()
	file, fragment, _ := strings.Cut(a.Annotations["runbook"], "#")
	text, err := os.ReadFile(filepath.Join(n.dir, file))
	if err != nil {
		n.Fatal(err)
	}
	for section := range strings.SplitSeq(string(text), "\n## ") {
		title, rest, _ := strings.Cut(section, "\n")
		if strings.ToLower(title) == fragment {
			return page{n, rest}
		}
	}
	n.Fatalf("%s does not have %q", file, fragment)
	return page{}
}

// runbook is the page of an alert that is not on.
func (n *night) runbook(name string) page {
	n.Helper()
	return n.page(alert{Annotations: map[string]string{"runbook": "docs/runbook.md#" + strings.ToLower(name)}})
}

// phrase is what the runbook calls a line of the log.
var phrase = regexp.MustCompile("`([a-z]+ [a-z, ]+)`")

// namesWhatTheLogHas fails unless the page names a line of the log.
func (p page) namesWhatTheLogHas(log string) {
	p.Helper()
	for _, of := range phrase.FindAllStringSubmatch(p.text, -1) {
		if strings.Contains(log, `"msg":"`+of[1]+`"`) {
			return
		}
	}
	p.Errorf("the log has nothing of what this page names:\n%s\n%s", p.text, log)
}

// command is a command of the runbook, in a block or in a line.
var command = regexp.MustCompile("(?m)(?:^|`)((?:shop|kafka-[a-z-]+) [^`#\n]+)")

// run runs the first command of the page that begins with these words, as the person
// who reads it would, and returns what it printed.
func (p page) run(words string) string {
	p.Helper()
	for _, of := range command.FindAllStringSubmatch(p.text, -1) {
		line := strings.TrimSpace(of[1])
		if !strings.HasPrefix(strings.TrimPrefix(line, "shop "), words) {
			continue
		}
		line = strings.NewReplacer("HOST:PORT", p.kafka.address, "orders.dlq/3@17", p.aLetter()).Replace(line)
		cmd := exec.CommandContext(p.Context(), "sh", "-c", line)
		cmd.Dir, cmd.Env = p.dir, p.env
		out, err := cmd.CombinedOutput()
		if err != nil {
			p.Fatalf("%s: %v\n%s", line, err, out)
		}
		p.Logf("%s\n%s", line, out)
		return string(out)
	}
	p.Fatalf("no command %q in\n%s", words, p.text)
	return ""
}

// aLetter returns the place of a dead letter, or what the runbook has if there is none.
func (p page) aLetter() string {
	letters, err := p.client.DeadLetters(p.Context(), "orders")
	if err != nil {
		p.Fatal(err)
	}
	if len(letters) == 0 {
		return "orders.dlq/3@17"
	}
	return letters[0].Place
}

// classes are the programs behind the names of Kafka's tools that the runbook has.
var classes = map[string]string{"kafka-configs": "kafka.admin.ConfigCommand"}

// writeTools writes those tools into a directory.
func (b *broker) writeTools(jars string) {
	b.t.Helper()
	b.tools = b.t.TempDir()
	for _, name := range slices.Sorted(maps.Keys(classes)) {
		text := "#!/bin/sh\nexec java -cp '" + jars + "/*' " + classes[name] + ` "$@"` + "\n"
		if err := os.WriteFile(filepath.Join(b.tools, name), []byte(text), 0o700); err != nil {
			b.t.Fatal(err)
		}
	}
}
