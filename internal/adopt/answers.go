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
		Brokers: s.clues.brokers, Source: answers.Sources()[0],
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
	try := func(b answers.Answers) {
		if b.Validate() == nil && s.fit(template, b).compare(s.fit(template, a)) > 0 {
			a = b
		}
	}
	for _, e := range answers.Extras() {
		b := a
		b.With = toggled(a.With, e.Name)
		try(b)
	}
	for _, module := range s.clues.modules {
		b := a
		b.Module = module
		try(b)
	}
	for _, name := range s.clues.names {
		b := a
		b.Name = name
		try(b)
	}
	for _, group := range s.clues.groups {
		b := a
		b.Group = group
		try(b)
	}
	for topic, schema := range s.clues.schemas {
		b := a
		b.Schemas = map[string]answers.Schema{topic: schema}
		maps.Copy(b.Schemas, a.Schemas)
		try(b)
	}
	for _, topic := range a.Topics {
		b := a
		b.Topics = append([]string{topic}, without(a.Topics, topic)...)
		try(b)
		b.Topics = without(a.Topics, topic)
		try(b)
	}
	return a
}

func without(all []string, one string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(other string) bool { return other == one })
}

// toggled adds an extra, or takes it away; the extras are in their own order.
func toggled(with []string, extra string) []string {
	var all []string
	for _, e := range answers.Extras() {
		if slices.Contains(with, e.Name) != (e.Name == extra) {
			all = append(all, e.Name)
		}
	}
	return all
}
