//go:build jetstream || rabbitmq

package service_test

import (
	"context"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/embedded"
	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/service"
)

// sayIn runs the command line of a service with settings in its environment.
func sayIn(t *testing.T, settings map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, value := range settings {
		t.Setenv(name, value)
	}
	var out, problems strings.Builder
	code = service.Command(t.Context(), "books", build(nothing), args, &out, &problems)
	return code, out.String(), problems.String()
}

// TestTheCommandsAskTheBroker: lag counts what waits, before the service has ever run too;
// dlq finds that there are no dead letters; acl says where the rights are listed.
func TestTheCommandsAskTheBroker(t *testing.T) {
	broker := startBroker(t)
	send(t, broker, "a-1")
	send(t, broker, "a-2")
	over := embedded.Settings(broker, "test")
	code, stdout, stderr := sayIn(t, over, "lag")
	text := strings.Join(strings.Fields(stdout), " ")
	if code != 0 || stderr != "" || !strings.HasPrefix(text, "GROUP TOPIC PARTITION COMMITTED END LAG test accounts 0 - ") || !strings.HasSuffix(text, "test all 2") {
		t.Errorf("lag: code %d, %s%s", code, stdout, stderr)
	}
	if code, stdout, stderr = sayIn(t, over, "dlq", "ls"); code != 0 || stdout != "dead letters 0: none\n" {
		t.Errorf("dlq ls: code %d, %s%s", code, stdout, stderr)
	}
	if code, _, stderr = sayIn(t, over, "acl"); code != 1 || !strings.Contains(stderr, "the rights at this broker are in docs/") {
		t.Errorf("acl: code %d, %s", code, stderr)
	}
}

// TestTheLagOfWhatIsDoneIsNone, and without a broker it is no number.
func TestTheLagOfWhatIsDoneIsNone(t *testing.T) {
	broker := startBroker(t)
	handled := make(chan string, 1)
	_, stop := start(t, func(_ context.Context, _ none, b *service.Builder) error {
		b.Registry.SetCodec(envelope.JSON{})
		handle(b.Registry, "accounts", func(_ context.Context, m message.Of[opened]) error { handled <- m.Body.ID; return nil })
		return nil
	}, settings(broker))
	handleOne(t, broker, handled, "a-1")
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := sayIn(t, embedded.Settings(broker, "test"), "lag")
	if code != 0 || !strings.HasSuffix(strings.Join(strings.Fields(stdout), " "), "test all 0") {
		t.Errorf("code %d, %s%s", code, stdout, stderr)
	}
	nobody := freePort(t)
	code, stdout, stderr = sayIn(t, embedded.Settings(nobody, "test"), "lag")
	if code != 1 || !strings.Contains(stderr, nobody) || !strings.HasSuffix(stdout, " unknown\n") {
		t.Errorf("without a broker: code %d, %s%s", code, stdout, stderr)
	}
}
