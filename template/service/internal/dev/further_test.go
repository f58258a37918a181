//go:build !rabbitmq

package dev

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/samples"
	"github.com/ouroboros-forge/forge/template/service/internal/service"
)

// What a further consumer makes of a sample is printed, and is not what the sample
// expects.
func TestASampleIsForTheFirstConsumerOfItsTopic(t *testing.T) {
	refused := make(chan struct{}) // closed when what audit makes of the first message is told: the second has the same key
	told := false
	two := func(_ context.Context, _ none, b *service.Builder) error {
		b.Registry.SetCodec(envelope.JSON{})
		message.Register(b.Registry, "accounts", message.TypedHandlerFunc[opened](func(context.Context, message.Of[opened]) error {
			<-refused
			return nil
		}))
		message.Register(b.Consumer("audit"), "accounts", message.TypedHandlerFunc[opened](func(context.Context, message.Of[opened]) error {
			if told {
				close(refused)
			}
			told = true
			return message.Permanent(errors.New("not mine"))
		}))
		return nil
	}
	t.Chdir(t.TempDir())
	var text strings.Builder
	valid := loadSamples(t)[0]
	err := run(t.Context(), "books", two, []samples.Sample{valid, valid}, true, newReport(&text, false))
	if err != nil || !regexp.MustCompile(`accounts/\d@\d+ +dead letter +AccountOpened +not mine → accounts.dlq +m-1  audit\n`).MatchString(text.String()) {
		t.Errorf("%v\n%s", err, text.String())
	}
}
