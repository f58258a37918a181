package config

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// sourceColumn is where the sources begin, if the value lets them.
const sourceColumn = 48

// Explain writes every setting, one a line, with where it came from: default,
// environment, .env, config.yaml:12, or the file that NAME_FILE names. After
// them come those that named consumers have for themselves. Secrets are
// redacted.
func (c Config) Explain(w io.Writer) error {
	var b strings.Builder
	for f := range fields(&c) {
		explain(&b, f.Name, f.text(), c.sources[f.Name])
	}
	for _, name := range slices.Sorted(maps.Keys(c.consumers)) {
		own := c.consumers[name]
		for f := range kafkaFields(&own.Kafka) {
			if source, ok := own.sources[f.Name]; ok {
				explain(&b, prefixOf(name)+f.Name, f.text(), source)
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func explain(b *strings.Builder, name, text, source string) {
	if quoted := strconv.Quote(text); quoted != `"`+text+`"` || text != strings.TrimSpace(text) {
		text = quoted // one line, and what cannot be seen is seen
	}
	fmt.Fprintf(b, "%-*s # %s\n", sourceColumn, name+"="+text, cmp.Or(source, fromDefault))
}
