package answers_test

import (
	"go/build"
	"go/token"
	"io"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ouroboros-forge/forge/internal/answers"
)

func TestNamesOf(t *testing.T) {
	long := strings.Repeat("a", 245)
	for _, tt := range []struct{ topic, handler, model, file string }{
		{"orders", "Orders", "Order", "orders"},
		{"1st.topic_X-y", "Topic1stTopicXY", "Topic1stTopicXY", "1st_topic_x_y"},
		{"type", "Type", "Type", "type"},
		{"func", "Func", "Func", "func"},
		{"---", "Topic", "Topic", "topic"},
		{"handlers", "Handlers", "Handler", "handlers_topic"},
		{"models", "Models", "Model", "models_topic"},
		{"deps", "TopicDeps", "TopicDep", "deps"},
		{"register", "TopicRegister", "TopicRegister", "register"},
		{"foo_test", "FooTest", "FooTest", "foo_test_topic"},
		{"foo_linux", "FooLinux", "FooLinux", "foo_linux_topic"},
		{"foo.linux.amd64", "FooLinuxAmd64", "FooLinuxAmd64", "foo_linux_amd64_topic"},
		{"linux", "Linux", "Linux", "linux"},
		{"test", "TopicTest", "TopicTest", "test"},
		{"_foo.", "Foo", "Foo", "foo"},
		{"con", "Con", "Con", "con_topic"},
		{"new-orders", "TopicNewOrders", "TopicNewOrder", "new_orders"},
		{"newsletters", "Newsletters", "Newsletter", "newsletters"},
		{"test.results", "TopicTestResults", "TopicTestResult", "test_results"},
		{"orderEvents", "OrderEvents", "OrderEvent", "order_events"},
		{"billing.invoices", "BillingInvoices", "BillingInvoice", "billing_invoices"},
		{"companies", "Companies", "Company", "companies"},
		{"COMPANIES", "COMPANIES", "COMPANY", "companies"},
		{"addresses", "Addresses", "Address", "addresses"},
		{"status", "Status", "Status", "status"},
		{"batches", "Batches", "Batch", "batches"},
		{"caches", "Caches", "Cache", "caches"},
		{"boxes", "Boxes", "Box", "boxes"},
		{"purchases", "Purchases", "Purchase", "purchases"},
		{"news", "News", "News", "news"},
		{"gps", "Gps", "Gps", "gps"},
		{"null", "Null", "Null", "null"},
		{long, "A" + long[1:], "A" + long[1:], long[:71] + "_5553f055"},
	} {
		got := answers.NamesOf(tt.topic)
		want := answers.Names{Topic: tt.topic, Handler: tt.handler, Model: tt.model, MessageType: tt.model + "Created", File: tt.file}
		if got != want {
			t.Errorf("%s:\n got %+v\nwant %+v", tt.topic, got, want)
		}
	}
}

// topics generates topics, most of them of words that mean something to Go.
func topics() *rapid.Generator[string] {
	word := rapid.OneOf(
		rapid.SampledFrom([]string{"new", "New", "test", "linux", "arm64", "windows", "orders", "order", "deps", "Register", "handlers", "type", "s", "ies", "1", "con", "nul", "topic", "dlq"}),
		rapid.StringMatching(`[A-Za-z0-9]{1,12}`),
	)
	return rapid.Custom(func(t *rapid.T) string {
		var b strings.Builder
		for range rapid.IntRange(0, 5).Draw(t, "words") {
			b.WriteString(rapid.StringMatching(`[._-]{0,2}`).Draw(t, "sep"))
			b.WriteString(word.Draw(t, "word"))
		}
		b.WriteString(rapid.StringMatching(`[._-]{0,2}`).Draw(t, "end"))
		return b.String()
	})
}

var constructorOrTest = regexp.MustCompile(`^(New|Test|Benchmark|Fuzz|Example)([A-Z0-9]|$)`)

// TestNamesAreUsable proves of every valid topic that its names are exported
// identifiers which nothing else can have, and that the go command builds its
// file everywhere.
func TestNamesAreUsable(t *testing.T) {
	nowhere := build.Default
	nowhere.GOOS, nowhere.GOARCH = "nowhere", "nothing"
	nowhere.OpenFile = func(string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("package x\n")), nil }
	rapid.Check(t, func(t *rapid.T) {
		topic := topics().Draw(t, "topic")
		if answers.CheckTopics([]string{topic}) != nil {
			return
		}
		n := answers.NamesOf(topic)
		for _, name := range []string{n.Handler, n.Model, n.MessageType} {
			if !token.IsIdentifier(name) || !token.IsExported(name) || strings.Contains(name, "_") {
				t.Errorf("%s is no name for a type", name)
			}
		}
		if n.Handler == "Deps" || n.Handler == "Register" || constructorOrTest.MatchString(n.Handler) {
			t.Errorf("handlers may declare %s", n.Handler)
		}
		file := n.File + ".go"
		if ok, err := nowhere.MatchFile(".", file); !ok || err != nil || strings.HasSuffix(file, "_test.go") || len(file) > 100 {
			t.Errorf("%s is not a file of every build", file)
		}
		if file != strings.ToLower(file) || strings.ContainsAny(file[:1], "._") || file == "handlers.go" {
			t.Errorf("%s is a file of a special kind", file)
		}
	})
}

// TestAcceptedTopicsDoNotMeet proves that two accepted topics share no name.
func TestAcceptedTopicsDoNotMeet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(topics(), 2, 4).Draw(t, "topics")
		if answers.CheckTopics(all) != nil {
			return
		}
		handlers, models, files, kafka := make(map[string]bool), make(map[string]bool), make(map[string]bool), make(map[string]bool)
		for _, topic := range all {
			n := answers.NamesOf(topic)
			handlers[n.Handler], handlers["New"+n.Handler], models[n.Model], files[n.File] = true, true, true, true
			for _, name := range []string{topic, topic + ".dlq"} {
				kafka[strings.ReplaceAll(name, ".", "_")] = true // for Kafka the two are one
			}
		}
		if len(handlers) != 2*len(all) || len(models) != len(all) || len(files) != len(all) || len(kafka) != 2*len(all) {
			t.Errorf("names meet: %v %v %v %v", handlers, models, files, kafka)
		}
	})
}
