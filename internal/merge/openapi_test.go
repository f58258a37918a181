package merge_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ouroboros-forge/forge/internal/merge"
)

// api is a description of an API with entries.
func api(paths, schemas []string) string {
	return "# What it takes.\nopenapi: 3.1.0\npaths:\n" + strings.Join(paths, "") +
		"components:\n  responses:\n    Refused:\n      description: no\n  schemas:\n" + strings.Join(schemas, "") + "# the end\n"
}

const (
	orders  = "  \"/orders\":\n    post:\n      summary: orders\n      responses:\n        \"202\": {}\n"
	refunds = "  \"/refunds\":\n    post:\n      summary: refunds\n      responses:\n        \"202\": {}\n"
	sales   = "  \"/sales\":\n    post:\n      summary: sales\n      responses:\n        \"202\": {}\n"
	order   = "    Order:\n      type: object\n      properties:\n        id:\n          type: string\n      required: [id]\n"
	refund  = "    Refund:\n      type: object\n      properties:\n        id:\n          type: string\n      required: [id]\n"
	payment = "    Payment:\n      type: object\n      properties:\n        id:\n          type: string\n      required: [id]\n"
)

func TestOpenAPI(t *testing.T) {
	base := api([]string{orders, refunds}, []string{order, refund})
	more := refund + "      x-owner: me\n"
	list := func(all ...string) []string { return all }
	for _, c := range []struct{ name, ours, theirs, want string }{
		{
			"a line after the last, and one more entry", api(list(orders, refunds), list(order, more)), api(list(orders, refunds), list(order, refund, payment)),
			api(list(orders, refunds), list(order, more, payment)),
		},
		{
			"both add one", api(list(orders, refunds, "  /mine: {}\n"), list(order, refund, "    Mine: {} # mine\n")), api(list(orders, refunds, sales), list(order, refund, payment)),
			api(list(orders, refunds, "  /mine: {}\n", sales), list(order, refund, "    Mine: {} # mine\n", payment)),
		},
		{
			"a key in another style", api(list(orders, strings.Replace(refunds, `"/refunds"`, "/refunds", 1)), list(order, more)), api(list(orders, refunds, sales), list(order, refund)),
			api(list(orders, strings.Replace(refunds, `"/refunds"`, "/refunds", 1), sales), list(order, more)),
		},
		{
			"theirs takes one out, between lines of ours", api(list("  # first\n"+orders, refunds), list("\n"+order, "\n"+refund, "    Mine: {}\n")), api(list(orders), list(order)),
			api(list("  # first\n"+orders), list("\n"+order, "    Mine: {}\n")),
		},
		{
			"theirs renames one that ours changed", api(list(strings.Replace(orders, "202", "201", 1), refunds), list(order, refund)), api(list(sales, refunds), list(order, refund)),
			api(list(strings.Replace(sales, "202", "201", 1), refunds), list(order, refund)),
		},
		{
			"comments stay", strings.Replace(base, "  responses:", "  # of all\n  responses:", 1), api(list(orders, refunds, sales), list(order, refund)),
			strings.Replace(api(list(orders, refunds, sales), list(order, refund)), "  responses:", "  # of all\n  responses:", 1),
		},
	} {
		got, conflicts := merge.OpenAPI([]byte(base), []byte(c.ours), []byte(c.theirs), merge.Labels{})
		if string(got) != c.want || len(conflicts) > 0 {
			t.Errorf("%s: %v\n%s\nwant:\n%s", c.name, conflicts, got, c.want)
		}
	}
	for name, c := range map[string][2]string{
		"both change a line":              {strings.Replace(base, "summary: orders", "summary: mine", 1), strings.Replace(base, "summary: orders", "summary: new", 1)},
		"theirs takes out what changed":   {api(list(orders, refunds), list(order, more)), api(list(orders, refunds), list(order))},
		"ours took out what changed":      {api(list(orders), list(order, refund)), strings.Replace(base, "summary: refunds", "summary: new", 1)},
		"no list, and the same last line": {"openapi: 3.1.0\npaths: {}\n", base + "x: y\n"},
	} {
		if got, conflicts := merge.OpenAPI([]byte(base), []byte(c[0]), []byte(c[1]), merge.Labels{}); len(conflicts) != 1 || conflicts[0].Start == 0 {
			t.Errorf("%s: %v\n%s", name, conflicts, got)
		}
	}
	crlf := strings.ReplaceAll(api(list(orders, refunds), list(order, more)), "\n", "\r\n")
	want := strings.ReplaceAll(api(list(orders, refunds, sales), list(order, more)), "\n", "\r\n")
	if got, conflicts := merge.OpenAPI([]byte(base), []byte(crlf), []byte(api(list(orders, refunds, sales), list(order, refund))), merge.Labels{}); string(got) != want || len(conflicts) > 0 {
		t.Errorf("CR LF: %v\n%q", conflicts, got)
	}
}

// side is what one side made of a list: the text of each entry, in order.
type side struct {
	keys  []string
	texts map[string]string
}

func (s side) list() (all []string) {
	for _, key := range s.keys {
		all = append(all, s.texts[key])
	}
	return all
}

// changeOf draws what a side makes of a list, without touching the keys of others.
func changeOf(t *rapid.T, base side, mine []string, indent, name string) side {
	s := side{slices.Clone(base.keys), maps.Clone(base.texts)}
	for _, key := range mine {
		at := slices.Index(s.keys, key)
		switch rapid.SampledFrom([]string{"last line", "first line", "comment", "cut", "leave"}).Draw(t, name+" "+key) {
		case "last line":
			s.texts[key] += indent + "  x-" + name + ": 1\n"
		case "first line":
			head, rest, _ := strings.Cut(s.texts[key], "\n")
			s.texts[key] = head + "\n" + indent + "  x-" + name + ": |\n" + indent + "    # text\n\n" + indent + "    more: text\n" + rest
		case "comment":
			s.texts[key] = "\n" + indent + "# " + name + "\n" + s.texts[key]
		case "cut":
			s.keys = slices.Delete(s.keys, at, at+1)
			delete(s.texts, key)
		}
	}
	for i := range rapid.IntRange(0, 2).Draw(t, name+" adds") {
		key := fmt.Sprintf("/%s%d", name, i)
		s.keys = slices.Insert(s.keys, rapid.IntRange(0, len(s.keys)).Draw(t, "at"), key)
		s.texts[key] = indent + key + ":\n" + indent + "  type: object\n" + indent + "  required: [id]\n"
	}
	return s
}

// TestOpenAPIKeepsBothSides proves that sides which touch different entries never
// conflict, and that the result has both, byte for byte and in the order of each.
func TestOpenAPIKeepsBothSides(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var lists [3][2][]string
		var sides [3][2]side
		for n, indent := range []string{"  ", "    "} {
			base := side{texts: make(map[string]string)}
			var mine [2][]string
			for i := range rapid.IntRange(1, 5).Draw(t, "entries") {
				key := fmt.Sprintf("k%d", i)
				base.keys = append(base.keys, key)
				base.texts[key] = indent + key + ":\n" + indent + "  type: object\n" + indent + "  required: [id]\n"
				whose := rapid.IntRange(0, 1).Draw(t, "whose")
				mine[whose] = append(mine[whose], key)
			}
			sides[0][n] = base
			sides[1][n] = changeOf(t, base, mine[0], indent, "ours")
			sides[2][n] = changeOf(t, base, mine[1], indent, "theirs")
			for i := range sides {
				lists[i][n] = sides[i][n].list()
			}
		}
		var texts [3]string
		for i, l := range lists {
			texts[i] = api(l[0], l[1])
		}
		merged, conflicts := merge.OpenAPI([]byte(texts[0]), []byte(texts[1]), []byte(texts[2]), merge.Labels{})
		if len(conflicts) > 0 {
			t.Fatalf("conflicts %v in\n%s\nours:\n%s\ntheirs:\n%s", conflicts, merged, texts[1], texts[2])
		}
		paths, schemas, _ := strings.Cut(string(merged), "components:")
		for n, text := range []string{paths, schemas} {
			isHeld(t, text, sides[0][n], sides[1][n], sides[2][n])
		}
	})
}

// isHeld checks a merged list: it has what each side made of its entries, in the order
// that they have there, and nothing that one has taken out.
func isHeld(t *rapid.T, text string, base, ours, theirs side) {
	for _, s := range []struct{ mine, other side }{{ours, theirs}, {theirs, ours}} {
		last := -1
		for _, key := range s.mine.keys {
			was, known := base.texts[key]
			other, stays := s.other.texts[key]
			want := s.mine.texts[key]
			if known && !stays {
				continue // the other side has taken it out
			}
			if known && want == was {
				want = other
			}
			at := strings.Index(text, want)
			if at < 0 || at < last {
				t.Fatalf("%s is at %d, after %d, as\n%s\nin\n%s", key, at, last, want, text)
			}
			last = at
		}
	}
	for key := range base.texts {
		_, isOurs := ours.texts[key]
		_, isTheirs := theirs.texts[key]
		if (!isOurs || !isTheirs) && strings.Contains(text, key+":\n") {
			t.Fatalf("%s is taken out, and there:\n%s", key, text)
		}
	}
}
