package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// table is one in Markdown: the head's cells, to which rows are added.
type table []string

func newTable(head ...string) *table {
	t := table{row(head), "|---" + strings.Repeat("|---:", len(head)-1) + "|"}
	return &t
}

func (t *table) add(cells ...string) { *t = append(*t, row(cells)) }

func (t *table) String() string { return strings.Join(*t, "\n") + "\n" }

func row(cells []string) string { return "| " + strings.Join(cells, " | ") + " |" }

// thousands writes a number to three digits that count, with commas.
func thousands(x float64) string {
	n, unit := int(x), 1
	for n/unit >= 1000 {
		unit *= 10
	}
	return comma((n + unit/2) / unit * unit)
}

// comma writes a number with commas.
func comma(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// publish prints a scenario's text and puts it into the README, between the
// comments that bear its name.
func (b *bench) publish(name, text string) error {
	fmt.Printf("\n%s\n", text)
	if b.readme == "" {
		return nil
	}
	content, err := os.ReadFile(b.readme)
	if err != nil {
		return err
	}
	begin, end := "<!-- "+name+" -->\n", "<!-- end "+name+" -->"
	before, rest, ok := strings.Cut(string(content), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return fmt.Errorf("%s has no place for %s", b.readme, name)
	}
	return os.WriteFile(b.readme, []byte(before+begin+"\n"+text+"\n"+end+after), 0o600)
}

// weather is what else there was on the machine while a scenario ran, the
// benchmark and its broker included.
func (b *bench) weather() string {
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	averages := strings.Fields(string(load))
	return fmt.Sprintf("\n%s, %d cores; load over the last 5 minutes %s.\n",
		time.Now().UTC().Format("2006-01-02 15:04"), runtime.NumCPU(), averages[1])
}
