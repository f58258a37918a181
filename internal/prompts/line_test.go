package prompts

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/ouroboros-forge/forge/internal/answers"
)

func TestLinesAsksAgainUntilAnswersAreAcceptedAndLeavesTheRestOfThePipe(t *testing.T) {
	in := strings.NewReader("github.com/me/shop\n" +
		"orders.dlq\norders, payments\r\n" + // refused, then two topics
		"\n" + // the default group
		"kafak\nkafka\n" + // refused, then the default
		"localhost\nlocalhost:9092\n" +
		"docker\n" +
		"this belongs to somebody else\n")
	var out strings.Builder
	a := answers.Defaults("shop")
	if err := Lines(in, &out).Ask(context.Background(), Sheet{Heading: "forge new shop", Questions: Questions(&a)}); err != nil {
		t.Fatal(err)
	}
	want := answers.Answers{
		Name: "shop", Module: "github.com/me/shop", Topics: []string{"orders", "payments"},
		Group: "shop", Source: "kafka", Brokers: []string{"localhost:9092"}, With: []string{"docker"},
	}
	if got, want := a, want; !equal(got, want) {
		t.Errorf("answers\n got %+v\nwant %+v", got, want)
	}
	if rest, _ := io.ReadAll(in); string(rest) != "this belongs to somebody else\n" {
		t.Errorf("left in the pipe: %q", rest)
	}
	for _, want := range []string{
		"Go module, the path that its packages are imported by [example.com/shop]: ",
		`not accepted: "orders.dlq" is the name of a dead-letter topic`,
		`not accepted: "kafak" is not a source`,
		`not accepted: "localhost" has no port`,
		"docker: Dockerfile and compose.yaml",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("not asked or said: %q, in\n%s", want, out.String())
		}
	}
	if strings.ContainsRune(out.String(), '\x1b') {
		t.Error("escape sequences in plain text")
	}
}

func TestLinesTakesNoneForNoExtraAndAnEmptyLineForTheDefault(t *testing.T) {
	for _, test := range []struct {
		in   string
		want string
	}{
		{"\n\n\n\n\nnone\n", ""},
		{"\n\n\n\n\n\n", "docker, github"},
		{"\n\n\n\n\n github , docker \n", "github, docker"},
		{"\n\n\n\n\ngithub", "github"}, // no line end: the input's end is one
	} {
		a := answers.Defaults("shop")
		if err := Lines(strings.NewReader(test.in), io.Discard).Ask(context.Background(), Sheet{Questions: Questions(&a)}); err != nil {
			t.Errorf("%q: %v", test.in, err)
		}
		if got := JoinList(a.With); got != test.want {
			t.Errorf("%q: extras %q, want %q", test.in, got, test.want)
		}
	}
}

func TestLinesEndsWithTheInputAndNamesTheQuestion(t *testing.T) {
	a := answers.Defaults("shop")
	err := Lines(strings.NewReader("\nbad topic\n"), io.Discard).Ask(context.Background(), Sheet{Questions: Questions(&a)})
	if !errors.Is(err, ErrInputEnded) || !strings.HasPrefix(err.Error(), "topics: ") {
		t.Errorf("got %v", err)
	}
}

func TestLinesReportsABrokenInput(t *testing.T) {
	broken := errors.New("broken")
	a := answers.Defaults("shop")
	err := Lines(iotest.ErrReader(broken), io.Discard).Ask(context.Background(), Sheet{Questions: Questions(&a)})
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestLinesRefusesALineWithoutEnd(t *testing.T) {
	a := answers.Defaults("shop")
	err := Lines(strings.NewReader(strings.Repeat("x", maxLine+1)), io.Discard).Ask(context.Background(), Sheet{Questions: Questions(&a)})
	if err == nil || errors.Is(err, ErrInputEnded) {
		t.Errorf("got %v", err)
	}
}

func TestLinesIsInterruptedWhileItWaits(t *testing.T) {
	in, feed := io.Pipe()
	t.Cleanup(func() { _ = feed.Close() })
	ctx, cancel := context.WithCancel(context.Background())
	asked := &notifier{prompted: cancel}
	a := answers.Defaults("shop")
	if err := Lines(in, asked).Ask(ctx, Sheet{Questions: Questions(&a)}); !errors.Is(err, ErrInterrupted) {
		t.Errorf("got %v", err)
	}
}

func TestLinesInsistsOnAnAnswerWithoutDefault(t *testing.T) {
	var got string
	var out strings.Builder
	q := NameQuestion(func(path string) error { got = path; return nil })
	err := Lines(strings.NewReader("\n  \nshop\n"), &out).Ask(context.Background(), Sheet{Questions: []Question{q}})
	if err != nil || got != "shop" {
		t.Errorf("got %q, %v", got, err)
	}
	if n := strings.Count(out.String(), "not accepted: an answer is needed"); n != 2 {
		t.Errorf("%d refusals in %q", n, out.String())
	}
}

func TestLinesHasAnswersConfirmedWhereTheyAreReviewed(t *testing.T) {
	for in, want := range map[string]error{"a,b\n\n": nil, "\nyes\n": nil, "\nno\n": ErrDeclined, "\nwhat\nN\n": ErrDeclined, "\n": ErrInputEnded} {
		var out strings.Builder
		a := answers.Defaults("shop")
		sheet := Sheet{Questions: Questions(&a)[2:3], Review: true, Known: []Row{{"directory", "shop"}}}
		if err := Lines(strings.NewReader(in), &out).Ask(context.Background(), sheet); !errors.Is(err, want) {
			t.Errorf("%q: %v", in, err)
		}
		if !strings.Contains(out.String(), "  directory       shop\n  consumer group  ") || !strings.Contains(out.String(), "write it") {
			t.Errorf("%q: %s", in, &out)
		}
		if strings.HasPrefix(in, "a,b") && !strings.Contains(out.String(), `taken, but: "a,b" has a comma`) {
			t.Errorf("no doubt: %s", &out)
		}
	}
}

// notifier calls prompted when something is asked.
type notifier struct{ prompted func() }

func (n *notifier) Write(p []byte) (int, error) {
	if strings.HasSuffix(string(p), ": ") {
		n.prompted()
	}
	return len(p), nil
}

func equal(a, b answers.Answers) bool {
	return a.Name == b.Name && a.Module == b.Module && a.Group == b.Group && JoinList(a.Topics) == JoinList(b.Topics) &&
		JoinList(a.Brokers) == JoinList(b.Brokers) && JoinList(a.With) == JoinList(b.With)
}
