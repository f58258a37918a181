package message_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

func TestBackoffGrowsByItsKindUpToItsMaximum(t *testing.T) {
	for kind, want := range map[message.RetryKind][]time.Duration{
		message.RetryFixed:     {10, 10, 10, 10, 10, 10},
		message.RetryFibonacci: {10, 20, 30, 50, 80, 90},
	} {
		p := message.RetryPolicy{Kind: kind, MaxAttempts: 3, Delay: 10, MaxDelay: 90}
		if got := delays(t, p, len(want)); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", kind, got, want)
		}
	}
	p := message.RetryPolicy{Kind: message.RetryExponential, MaxAttempts: 3, Delay: time.Second, MaxDelay: time.Minute}
	spread := false
	for i, got := range delays(t, p, 8) {
		want := min(time.Second<<i, time.Minute)
		spread = spread || got != want
		if got < want*8/10 || got > min(want*12/10, time.Minute) {
			t.Errorf("delay %d is %v, want %v with 20 %% of jitter", i, got, want)
		}
	}
	if !spread {
		t.Error("the delays have no jitter")
	}
}

func delays(t *testing.T, p message.RetryPolicy, n int) (all []time.Duration) {
	t.Helper()
	if err := p.Validate(); err != nil {
		t.Fatal(err)
	}
	b := p.Backoff()
	for range n {
		d, stop := b.Next()
		if stop {
			t.Fatal("the sequence ends")
		}
		all = append(all, d)
	}
	return all
}

func TestValidateSaysWhatARetryPolicyMustBe(t *testing.T) {
	right := message.RetryPolicy{Kind: message.RetryFixed, MaxAttempts: 1, Delay: time.Second, MaxDelay: time.Second}
	if err := right.Validate(); err != nil {
		t.Error(err)
	}
	for _, change := range []func(*message.RetryPolicy){
		func(p *message.RetryPolicy) { p.Kind = "linear" },
		func(p *message.RetryPolicy) { p.MaxAttempts = 0 },
		func(p *message.RetryPolicy) { p.Delay = 0 },
		func(p *message.RetryPolicy) { p.MaxDelay = time.Millisecond },
	} {
		wrong := right
		change(&wrong)
		wantContains(t, wrong.Validate(), fmt.Sprintf("retry policy is %+v: Kind must be one of [exponential fibonacci fixed], MaxAttempts at least 1", wrong))
	}
}

func TestARegistrationsRetryPolicyIsThatOfItsMessages(t *testing.T) {
	policy := message.RetryPolicy{Kind: message.RetryFixed, MaxAttempts: 9, Delay: time.Second, MaxDelay: time.Second}
	r := newRegistry()
	message.Register(r, "payments", &recorder[received]{err: errTest}, message.WithRetry(policy))
	message.RegisterDefault(r, "payments", message.HandlerFunc(nothing))
	m := newMessage(inEnvelope("PaymentReceived", validBody))
	if _ = r.Handle(t.Context(), m); m.Retry == nil || *m.Retry != policy {
		t.Errorf("policy %v, want %v", m.Retry, policy)
	}
	m.Value = []byte(inEnvelope("Other", validBody))
	if _ = r.Handle(t.Context(), m); m.Retry != nil {
		t.Errorf("policy %v for messages whose registration has none", m.Retry)
	}
}

// What a middleware or a handler makes of its policy is for that attempt alone.
func TestAHandlerCannotChangeTheRetryPolicy(t *testing.T) {
	policy := message.RetryPolicy{Kind: message.RetryFixed, MaxAttempts: 9, Delay: time.Second, MaxDelay: time.Second}
	r := newRegistry()
	message.Register(r, "payments", &recorder[received]{err: errTest}, message.WithRetry(policy), message.With(func(next message.Handler) message.Handler {
		return message.HandlerFunc(func(ctx context.Context, m *message.Message) error {
			if *m.Retry != policy {
				t.Errorf("policy %v, want %v", *m.Retry, policy)
			}
			m.Retry.MaxAttempts, m.Retry.Delay = 1, 0
			return next.Handle(ctx, m)
		})
	}))
	for range 2 {
		m := newMessage(inEnvelope("PaymentReceived", validBody))
		if _ = r.Handle(t.Context(), m); *m.Retry != policy {
			t.Errorf("policy %v, want %v", *m.Retry, policy)
		}
	}
}
