package render

import (
	"reflect"
	"regexp"
	"strings"

	"github.com/ouroboros-forge/forge/internal/answers"
)

// The template's names.
const (
	sampleService = "sample-service"
	sampleImage   = "sample-image"
	sampleTopic   = "orders"
	sampleHandler = "Orders"
	sampleModel   = "Order"
	sampleType    = "OrderCreated"
)

// templatePath is the import path of the template service. It comes from this
// package's own, so that go.mod alone says what forge's module is.
var templatePath = strings.TrimSuffix(reflect.TypeFor[Tree]().PkgPath(), "internal/render") + "template/service"

// candidate finds what may have to be replaced: the longer names, and words.
var candidate = regexp.MustCompile(regexp.QuoteMeta(templatePath) + "|" + sampleService + "|" + sampleImage + `|\w+`)

// replacer replaces the template's names in text by those of one topic.
type replacer struct {
	module  string
	service string
	image   string
	names   answers.Names
	only    bool // the module's path and nothing else
}

// replace goes over the text once, so that what was put in is never replaced.
func (r replacer) replace(text string) string {
	if r.only || !mentionsSample(text) {
		return strings.ReplaceAll(text, templatePath, r.module)
	}
	var b strings.Builder
	done := 0
	for _, m := range candidate.FindAllStringIndex(text, -1) {
		before, found, after := text[:m[0]], text[m[0]:m[1]], text[m[1]:]
		if with := r.replacement(before, found, after); with != found {
			b.WriteString(text[done:m[0]])
			b.WriteString(with)
			done = m[1]
		}
	}
	if done == 0 {
		return text
	}
	b.WriteString(text[done:])
	return b.String()
}

// mentionsSample reports whether text may have one of the template's names in
// it; most does not.
func mentionsSample(text string) bool {
	return strings.Contains(text, sampleTopic) || strings.Contains(text, sampleModel) || strings.Contains(text, "sample-")
}

// replacement returns what stands for a candidate between before and after.
func (r replacer) replacement(before, found, after string) string {
	switch {
	case found == templatePath:
		return r.module
	case found == sampleService && stands(before, after):
		return r.service
	case found == sampleImage && stands(before, after):
		return r.image
	case found == sampleTopic && stands(before, after) && !isExtension(after):
		return r.names.Topic
	case found == sampleType:
		return r.names.MessageType
	case strings.HasPrefix(found+"_", sampleTopic+"_") && isExtension(after):
		return r.names.File + strings.TrimPrefix(found, sampleTopic)
	}
	return r.camel(found)
}

// stands reports whether what is between before and after is a name by itself,
// rather than a part of a longer one.
func stands(before, after string) bool {
	return !strings.HasSuffix(before, "-") && !strings.HasSuffix(before, ".") &&
		(after == "" || after[0] != '-' && after[0] != '_' && !isLetterOrDigit(after[0]))
}

var extension = regexp.MustCompile(`^\.(go|json|avsc|md|yaml)\b`)

func isExtension(after string) bool { return extension.MatchString(after) }

// identifier replaces names in a Go identifier.
func (r replacer) identifier(word string) string {
	if r.only {
		return word
	}
	return r.camel(word)
}

// camel replaces the sample's handler and model where they are a word of an
// identifier, as in NewOrders, and not a part of one, as in Ordering.
func (r replacer) camel(word string) string {
	if !strings.Contains(word, sampleModel) {
		return word
	}
	var b strings.Builder
	for {
		i := strings.Index(word, sampleModel)
		if i < 0 {
			break
		}
		sample, name := sampleModel, r.names.Model
		if strings.HasPrefix(word[i:], sampleHandler) {
			sample, name = sampleHandler, r.names.Handler
		}
		end := i + len(sample)
		if end < len(word) && 'a' <= word[end] && word[end] <= 'z' {
			name = sample
		}
		b.WriteString(word[:i] + name)
		word = word[end:]
	}
	return b.String() + word
}

func isLetterOrDigit(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
