package answers_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/joho/godotenv"
	"pgregory.net/rapid"

	"github.com/ouroboros-forge/forge/internal/answers"
)

// TestDefaultsAreValid holds for every valid name, also one that a module path
// could not end with.
func TestDefaultsAreValid(t *testing.T) {
	for _, name := range []string{"my-service", "v1", "v2", "vendor", "internal", "a", "1", "My.Service_2", "x-", "x_", strings.Repeat("a", 63)} {
		if err := answers.Defaults(name).Validate(); err != nil {
			t.Errorf("defaults of %q: %v", name, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[A-Za-z0-9._-]{1,70}`).Draw(t, "name")
		if answers.CheckName(name) != nil {
			return
		}
		if err := answers.Defaults(name).Validate(); err != nil {
			t.Errorf("defaults of %q: %v", name, err)
		}
	})
}

// refused has what must be refused, by question, with a part of the reason.
var refused = []struct{ question, value, reason string }{
	{answers.Name, "", "is empty"},
	{answers.Name, ".", "is not a name"},
	{answers.Name, "..", "is not a name"},
	{answers.Name, "my service", "has a space"},
	{answers.Name, "-service", `starts with '-'`},
	{answers.Name, ".service", `starts with '.'`},
	{answers.Name, "_service", `starts with '_'`},
	{answers.Name, "service.", "ends with a dot"},
	{answers.Name, "a...b", "has ..."},
	{answers.Name, "sérvice", `has the character 'é'`},
	{answers.Name, "a/b", `has the character '/'`},
	{answers.Name, "a\nb", "has a line break"},
	{answers.Name, "a\x00b", "has the invisible character U+0000"},
	{answers.Name, "NUL.txt", "device on Windows"},
	{answers.Name, strings.Repeat("a", 64), "has 64 characters"},

	{answers.Module, "", "is empty"},
	{answers.Module, "my-service", "missing dot in first path element"},
	{answers.Module, "fmt", "missing dot"},
	{answers.Module, "example.com/a b", "invalid char ' '"},
	{answers.Module, "example.com/-a", "dash first"},
	{answers.Module, "example.com/v1", "invalid version"},
	{answers.Module, "example.com/a/", "trailing slash"},
	{answers.Module, "Example.com/a", "invalid char 'E' in first path element"},
	{answers.Module, "example.com/a...b", "has ..."},
	{answers.Module, "example.com/vendor/a", "vendor"},
	{answers.Module, "https://example.com/a", "is not a module path"},
	{answers.Module, "example.com/" + strings.Repeat("a", 255), "at most 255"},

	{answers.Source, "", "is not a source"},
	{answers.Source, "docker", "is not a source"},

	{answers.Topics, "", "has an empty name"},
	{answers.Topics, ".", "Kafka refuses"},
	{answers.Topics, "..", "Kafka refuses"},
	{answers.Topics, "orders.dlq", "is the name of a dead-letter topic"},
	{answers.Topics, "my orders", "has a space"},
	{answers.Topics, "ordérs", `has the character 'é'`},
	{answers.Topics, "a\tb", "has a tab"},
	{answers.Topics, strings.Repeat("a", 250), "has 250 characters, Kafka allows 249"},
	{answers.Topics, strings.Repeat("a", 246), "leaves no room"},
	{answers.Topics, "orders,orders", "is given twice"},
	{answers.Topics, "orders,,payments", "has an empty name"},
	{answers.Topics, "__consumer_offsets", "Kafka keeps for itself"},
	{answers.Topics, "__transaction_state", "Kafka keeps for itself"},
	{answers.Topics, "orders,Orders", "share the Go name Orders"},
	{answers.Topics, "a.b,a_b", "share the Go name AB"},
	{answers.Topics, "order,orders", "share the Go name Order"},
	{answers.Topics, "orders,ORDERS", "share the file name orders.go"},
	{answers.Topics, "---,___", "share the Go name Topic"},
	{answers.Topics, "orders,orders_dlq", "share the topic orders_dlq"},
	{answers.Topics, "orders_dlq,orders", "share the topic orders_dlq"},

	{answers.Group, "", "is empty"},
	{answers.Group, "  ", "is blank"},
	{answers.Group, "a\nb", "has a line break"},
	{answers.Group, "a\rb", "has a line break"},
	{answers.Group, "a\x1bb", "has the invisible character U+001B"},
	{answers.Group, "a\u202eb", "has the invisible character U+202E"},
	{answers.Group, "a\u2028b", "has the invisible character U+2028"},
	{answers.Group, "a\xffb", "UTF-8"},
	{answers.Group, strings.Repeat("a", 250), "at most 249"},
	{answers.Group, `it's a "b # c"`, "cannot be written"},
	{answers.Group, ` \`, "cannot be written"},

	{answers.Brokers, "localhost", "has no port"},
	{answers.Brokers, "", "has no port"},
	{answers.Brokers, "localhost:", `has the port ""`},
	{answers.Brokers, "localhost:0", `has the port "0"`},
	{answers.Brokers, "localhost:65536", `has the port "65536"`},
	{answers.Brokers, "localhost:+9", `has the port "+9"`},
	{answers.Brokers, "localhost:09", `has the port "09"`},
	{answers.Brokers, ":9092", "has no host"},
	{answers.Brokers, "::1:9092", "without brackets"},
	{answers.Brokers, "[::1]", "has no port"},
	{answers.Brokers, "[::1:9092", "in brackets"},
	{answers.Brokers, "[localhost]:9092", "in brackets"},
	{answers.Brokers, "a b:9092", "has a space"},
	{answers.Brokers, "-a:9092", "not a host name"},
	{answers.Brokers, "a..b:9092", "not a host name"},
	{answers.Brokers, "SASL_SSL://a:9092", "has a scheme"},
	{answers.Brokers, "a:1,a:1", "is given twice"},

	{answers.With, "helm", "is not an extra"},
	{answers.With, "docker,docker", "is given twice"},
}

// answer puts one answer, lists separated by commas, among the defaults.
func answer(question, value string) answers.Answers {
	a := answers.Defaults("my-service")
	switch question {
	case answers.Name:
		a.Name = value
	case answers.Module:
		a.Module = value
	case answers.Topics:
		a.Topics = strings.Split(value, ",")
	case answers.Group:
		a.Group = value
	case answers.Brokers:
		a.Brokers = strings.Split(value, ",")
	case answers.With:
		a.With = strings.Split(value, ",")
	case answers.Source:
		a.Source = value
	}
	return a
}

func TestRefused(t *testing.T) {
	for _, tt := range refused {
		problems := answers.Problems(answer(tt.question, tt.value).Validate())
		if len(problems) != 1 {
			t.Errorf("%s %q: %d problems %v, want one", tt.question, tt.value, len(problems), problems)
			continue
		}
		p := problems[0]
		if p.Question != tt.question || !strings.Contains(p.Reason, tt.reason) || p.Hint == "" {
			t.Errorf("%s %q: got %q, hint %q, want %q and a hint", tt.question, tt.value, p, p.Hint, tt.reason)
		}
		if strings.ContainsFunc(p.Error(), func(r rune) bool { return r < ' ' || r == 0x202e }) {
			t.Errorf("%s %q: the error %q does something to a terminal", tt.question, tt.value, p)
		}
	}
}

func TestAccepted(t *testing.T) {
	for _, tt := range []struct{ question, value string }{
		{answers.Name, "My.Service_2-x"},
		{answers.Module, "github.com/me/my-service/v2"},
		{answers.Module, "example.com/~me/x"},
		{answers.Module, "example.com/internal/x"},
		{answers.Module, "gopkg.in/x.v1"},
		{answers.Topics, "type,func,1st.topic_X-y,---,handlers,deps,register,foo_test,foo_linux,new-orders,orders,null,1.0"},
		{answers.Topics, strings.Repeat("a", 245)},
		{answers.Group, `it's a "group" with $HOME, # and \ inside`},
		{answers.Group, "trailing spaces  "},
		{answers.Group, `back\`},
		{answers.Group, "größe 数"},
		{answers.Brokers, "localhost:9092,10.0.0.1:1,[::1]:65535,kafka_1.example.com:9092"},
		{answers.With, "github"},
	} {
		if err := answer(tt.question, tt.value).Validate(); err != nil {
			t.Errorf("%s %q: %v", tt.question, tt.value, err)
		}
	}
	none := answers.Defaults("x")
	none.With = nil
	if err := none.Validate(); err != nil {
		t.Errorf("no extras: %v", err)
	}
}

// TestEveryProblemAtOnce proves that nobody has to try once for each mistake.
func TestEveryProblemAtOnce(t *testing.T) {
	err := answers.Answers{Topics: []string{"..", "a b", "ok"}, With: []string{"helm"}}.Validate()
	var questions []string
	for _, p := range answers.Problems(fmt.Errorf("wrapped: %w", err)) {
		questions = append(questions, p.Question)
	}
	if got := strings.Join(questions, " "); got != "name module topics topics group brokers with source" {
		t.Errorf("problems with %s", got)
	}
	if _, ok := errors.AsType[*answers.Problem](err); !ok {
		t.Error("errors.As finds no problem")
	}
}

// TestEnvQuote proves that a value is refused or read back equal.
func TestEnvQuote(t *testing.T) {
	check := func(value string) error {
		quoted, err := answers.EnvQuote(value)
		if err != nil {
			return nil //nolint:nilerr // refused is right
		}
		got, err := godotenv.Unmarshal("A=1\nVALUE=" + quoted + "\nA_B=2\n")
		if err != nil {
			return fmt.Errorf("%q as %s: %w", value, quoted, err)
		}
		if got["VALUE"] != value || got["A"] != "1" || got["A_B"] != "2" {
			return fmt.Errorf("%q as %s reads back as %q", value, quoted, got)
		}
		return nil
	}
	rapid.Check(t, func(t *rapid.T) {
		hostile := rapid.StringOf(rapid.SampledFrom([]rune("aA1_ '\"`$\\#={}()\n\r\t!é"))).Draw(t, "hostile")
		printable := rapid.String().Filter(func(s string) bool { return answers.CheckGroup(s) == nil }).Draw(t, "any")
		if err := errors.Join(check(hostile), check(printable)); err != nil {
			t.Fatal(err)
		}
	})
}

func TestParse(t *testing.T) {
	base := answers.Defaults("my-service")
	a, err := answers.Parse([]byte("topics: [1.0, 'null']\nwith: []\n# nothing else\n"), base)
	if err != nil || len(a.With) != 0 || a.Group != "my-service" || strings.Join(a.Topics, " ") != "1.0 null" {
		t.Errorf("got %+v, %v", a, err)
	}
	if base.Topics[0] != "orders" {
		t.Error("the base was changed")
	}
	if a, err := answers.Parse(nil, base); err != nil || a.Name != "my-service" {
		t.Errorf("an empty file: %+v, %v", a, err)
	}
	for text, want := range map[string]string{
		"topic: [a]":         `line 1: unknown key "topic"`,
		"name: x\ntopics: a": "line 2: `a` is not a list",
		"name: [a]":          "is not a single value",
		"- a":                "is not a mapping",
		"name: a\nname: b":   "already defined",
		"name: a\n---\n":     "more than one",
		"name: {":            "did not find",
	} {
		if _, err := answers.Parse([]byte(text), base); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

// TestEnvUnquote proves that what is written into an .env file is read back equal.
func TestEnvUnquote(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(rapid.StringOf(rapid.SampledFrom([]rune("aA1_ '\"`$\\#={}<>|%é"))), rapid.String()).Draw(t, "value")
		quoted, err := answers.EnvQuote(value)
		if err == nil && answers.EnvUnquote(quoted) != value {
			t.Fatalf("%q is written %s, and read %q", value, quoted, answers.EnvUnquote(quoted))
		}
	})
}

func TestInsertKeepsTheOrderOfExtras(t *testing.T) {
	for _, given := range [][]string{{"fast", "docker", "avro"}, {"avro", "fast", "docker"}, {"docker", "avro", "fast"}} {
		var with []string
		for _, extra := range given {
			with = answers.Insert(with, extra)
		}
		if got := strings.Join(with, " "); got != "docker avro fast" {
			t.Errorf("%v: %s", given, got)
		}
	}
}
