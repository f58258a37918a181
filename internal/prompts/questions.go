package prompts

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ouroboros-forge/forge/internal/answers"
)

// Questions are forge's questions about a service, in the order in which they
// are asked. Their defaults are what a holds, and accepted answers go into a.
// Flags, answers files and prompts are all made from them.
func Questions(a *answers.Answers) []Question {
	brokers := a.Brokers
	return []Question{
		{
			Key: answers.Module, Title: "Go module", Help: "the path that its packages are imported by",
			Default: a.Module,
			Accept:  text(&a.Module, answers.CheckModule), Doubt: doubtModule,
		},
		{
			Key: answers.Topics, Title: "topics", Help: "what it consumes, separated by commas",
			Default: JoinList(a.Topics), List: true,
			Accept: list(&a.Topics, func(topics []string) error {
				return errors.Join(answers.CheckTopics(topics), answers.CheckSchemas(topics, a.Schemas))
			}),
		},
		{
			Key: answers.Group, Title: "consumer group", Help: "its instances share the work as one group",
			Default: a.Group,
			Accept:  text(&a.Group, answers.CheckGroup), Doubt: doubtGroup,
		},
		{
			Key: answers.Source, Title: "source", Help: strings.Join(answers.Sources(), ", "),
			Default: a.Source,
			Accept: func(answer string) error {
				err := answers.CheckSource(answer)
				if err == nil {
					answers.SetSource(a, answer)
				}
				return refuse(err)
			},
		},
		{
			Key: answers.Brokers, Title: "brokers", Help: "host:port, separated by commas",
			Default: JoinList(a.Brokers), Late: func() string { return JoinList(answers.BrokersFor(a.Source, brokers)) }, List: true,
			Accept: list(&a.Brokers, func(brokers []string) error {
				return errors.Join(answers.CheckBrokers(brokers), answers.CheckBrokersFor(a.Source, brokers))
			}),
			Doubt: doubtBrokers,
		},
		{
			Key: answers.With, Title: "extras", Help: "what the service has besides",
			Default: JoinList(a.With), List: true,
			Options: extras(),
			Accept: list(&a.With, func(with []string) error {
				return errors.Join(answers.CheckExtras(with), answers.CheckExtrasFor(a.Source, with))
			}),
			Doubt: doubtExtras,
		},
	}
}

// NameQuestion asks where the service is to be written; accept checks the path
// and keeps it.
func NameQuestion(accept func(path string) error) Question {
	return Question{
		Key: answers.Name, Title: "service", Help: "its name, or the path of its directory",
		Accept: func(path string) error { return refuse(accept(strings.TrimSpace(path))) },
	}
}

// YesNo asks for a yes or a no, and keeps it in place, which holds the default.
func YesNo(key, title, help string, place *bool) Question {
	q := Question{Key: key, Title: title, Help: help + ", yes or no", Default: "no"}
	if *place {
		q.Default = "yes"
	}
	q.Accept = func(answer string) error {
		switch strings.ToLower(answer) {
		case "y", "yes":
			*place = true
		case "n", "no":
			*place = false
		default:
			return fmt.Errorf("%q is neither yes nor no", shorten(answer))
		}
		return nil
	}
	q.Show = func(answer string) string {
		if strings.HasPrefix(strings.ToLower(answer), "y") {
			return "yes"
		}
		return "no"
	}
	return q
}

func extras() []Option {
	var options []Option
	for _, e := range answers.Extras() {
		options = append(options, Option{Key: e.Name, Help: e.Title})
	}
	return options
}

func text(place *string, check func(string) error) func(string) error {
	return func(answer string) error {
		if err := check(answer); err != nil {
			return refuse(err)
		}
		*place = answer
		return nil
	}
}

func list(place *[]string, check func([]string) error) func(string) error {
	return func(answer string) error {
		items := SplitList(answer)
		if err := check(items); err != nil {
			return refuse(err)
		}
		*place = items
		return nil
	}
}

// refusal is the error of an answer in the words of a prompt, which has just
// named the question.
type refusal struct{ err error }

func refuse(err error) error {
	if len(answers.Problems(err)) > 0 {
		return &refusal{err}
	}
	return err
}

// Error tells all that is wrong, then what to try.
func (r *refusal) Error() string {
	var all, hints []string
	for _, p := range answers.Problems(r.err) {
		all = append(all, Describe(p))
		if hint := Hint(p); !slices.Contains(hints, hint) {
			hints = append(hints, hint)
		}
	}
	return strings.Join(append(all, hints...), "; ")
}

func (r *refusal) Unwrap() error { return r.err }

// Describe tells what is wrong with an answer, without the question's name.
func Describe(p *answers.Problem) string {
	if p.Value == "" {
		return p.Reason
	}
	return fmt.Sprintf("%q %s", shorten(p.Value), p.Reason)
}

// Hint says what to try instead of an answer that is refused.
func Hint(p *answers.Problem) string {
	if scheme, rest, ok := strings.Cut(p.Value, "://"); ok && p.Question == answers.Module {
		return fmt.Sprintf("leave out %s://, as in %s", scheme, cmp.Or(shorten(rest), "example.com/my-service"))
	}
	return p.Hint
}

// shorten keeps a value that is refused for its length from filling the screen.
func shorten(value string) string {
	const most = 60
	runes := []rune(value)
	if len(runes) <= most {
		return value
	}
	return string(slices.Concat(runes[:most/2], []rune("…"), runes[len(runes)-most/2:]))
}

var errNeeded = errors.New("an answer is needed")
