package prompts

import (
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/internal/answers"
)

func TestDoubts(t *testing.T) {
	for _, test := range []struct {
		change func(*answers.Answers)
		want   string
	}{
		{func(*answers.Answers) {}, ""},
		{func(a *answers.Answers) { a.Group = "Orders,orders" }, `consumer group: "Orders,orders" has a comma`},
		{func(a *answers.Answers) { a.Group = "github.com/me/shop" }, `consumer group: "github.com/me/shop" has a slash`},
		{func(a *answers.Answers) { a.Module = "github.com/me" }, `Go module: "github.com/me" names no repository`},
		{func(a *answers.Answers) { a.Module = "github.com/me/shop" }, ""},
		{func(a *answers.Answers) { a.Brokers = []string{"a:9092", "b:2181"} }, `brokers: "b:2181" has the port of ZooKeeper`},
		{func(a *answers.Answers) { a.With = []string{"fast", "avro"} }, `extras: "fast" reads JSON: with "avro", it is for topics`},
		{func(a *answers.Answers) { a.With = []string{"fast", "http"} }, ""},
	} {
		a := answers.Defaults("shop")
		test.change(&a)
		if got := strings.Join(Doubts(a), "\n"); !strings.HasPrefix(got, test.want) || (got == "") != (test.want == "") {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

func TestAModulesSchemeIsToBeLeftOut(t *testing.T) {
	for module, want := range map[string]string{
		"https://github.com/me/shop": "leave out https://, as in github.com/me/shop",
		"git://":                     "leave out git://, as in example.com/my-service",
	} {
		problems := answers.Problems(answers.CheckModule(module))
		if len(problems) != 1 || Hint(problems[0]) != want {
			t.Errorf("%s: %v", module, problems)
		}
	}
}

func TestYesNo(t *testing.T) {
	for answer, want := range map[string]bool{"": true, "y": true, "YES": true, "n": false, "No": false} {
		got := true
		if err := YesNo("git", "git", "", &got).accept(answer); err != nil || got != want {
			t.Errorf("%q: %v, %v", answer, got, err)
		}
	}
	got := true
	if err := YesNo("git", "git", "", &got).accept("maybe"); err == nil {
		t.Error("maybe is accepted")
	}
}

// The review says yes and no, however they were entered.
func TestTheReviewSaysYesAndNo(t *testing.T) {
	git := true
	q := YesNo("git", "git", "", &git)
	for answer, want := range map[string]string{"n": "no", "NO": "no", "Y": "yes  (default)", "yes": "yes  (default)"} {
		if got := q.row(answer).Answer; got != want {
			t.Errorf("%s is shown as %s, want %s", answer, got, want)
		}
	}
}
