package adopt

import (
	"maps"
	"slices"

	"github.com/ouroboros-forge/forge/internal/answers"
)

// answers finds the answers and the template that are closest to what is there:
// first by what the files say, then by trying one answer after another.
func (s *search) answers() (a answers.Answers, best int) {
	if s.clues.recorded != nil {
		return *s.clues.recorded, s.closest(*s.clues.recorded)
	}
	a = answers.Answers{
		Name: s.clues.names[0], Module: s.clues.modules[0], Topics: s.clues.topics, Group: s.clues.groups[0],
		Brokers: s.clues.brokers, Source: s.clues.source,
	}
	best = s.closest(a)
	for range 3 { // what is found of one answer may show more of another
		before := s.fit(best, a)
		a = s.improve(a, best)
		best = s.closest(a)
		if s.fit(best, a).compare(before) == 0 {
			break
		}
	}
	return a, best
}

// closest is the template that is closest with these answers; of several the last.
func (s *search) closest(a answers.Answers) int {
	best := -1
	for i, t := range s.in.Templates {
		if s.in.Version != "" && s.in.Version != t.Version {
			continue
		}
		if best < 0 || s.fit(i, a).compare(s.fit(best, a)) >= 0 {
			best = i
		}
	}
	return best
}

// improve tries other answers, each by itself, and keeps what is closer.
func (s *search) improve(a answers.Answers, template int) answers.Answers {
	try := func(change func(b *answers.Answers)) {
		b := a
		change(&b)
		if b.Validate() == nil && s.fit(template, b).compare(s.fit(template, a)) > 0 {
			a = b
		}
	}
	for _, source := range answers.Sources() {
		try(func(b *answers.Answers) { answers.SetSource(b, source) })
	}
	for _, e := range answers.Extras() {
		try(func(b *answers.Answers) { b.With = toggled(a.With, e.Name) })
	}
	for _, module := range s.clues.modules {
		try(func(b *answers.Answers) { b.Module = module })
	}
	for _, name := range s.clues.names {
		try(func(b *answers.Answers) { b.Name = name })
	}
	for _, group := range s.clues.groups {
		try(func(b *answers.Answers) { b.Group = group })
	}
	for _, topic := range slices.Sorted(maps.Keys(s.clues.schemas)) {
		try(func(b *answers.Answers) {
			b.Schemas = map[string]answers.Schema{topic: s.clues.schemas[topic]}
			maps.Copy(b.Schemas, a.Schemas)
		})
	}
	for _, topic := range a.Topics {
		rest := func() []string { return without(a.Topics, topic) }
		try(func(b *answers.Answers) { b.Topics = append([]string{topic}, rest()...) })
		if !slices.Contains(s.clues.registered, topic) { // edits of its files do not take it out
			try(func(b *answers.Answers) { b.Topics = rest() })
		}
	}
	return a
}

func without(all []string, one string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(other string) bool { return other == one })
}

// toggled adds an extra, or takes it away.
func toggled(with []string, extra string) []string {
	switch {
	case slices.Equal(with, []string{extra}):
		return nil // as answers have it
	case slices.Contains(with, extra):
		return without(with, extra)
	}
	return answers.Insert(with, extra)
}
