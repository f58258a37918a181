// Package oncall walks through a night of who operates a service: Prometheus calls,
// /readyz says why by name, and what docs/runbook.md says under the alert mends it. The
// service, its Kafka and Prometheus are real; the night's minutes take a second. And a
// thousand dead letters are sent back, by a command that is killed.
package oncall

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ouroboros-forge/forge/e2e/generated"
	"github.com/ouroboros-forge/forge/e2e/outside"
)

func TestMain(m *testing.M) { os.Exit(generated.Main(m)) }

// orders are how many come at a time.
const orders = 20

// night is what there is.
type night struct {
	*testing.T
	*service
	kafka      *broker
	client     *outside.Client
	ledger     *ledger
	prometheus *prometheus
	sent       []outside.Sent
}

// TestEachAlertIsMendedByWhatTheRunbookSays has three things go wrong one after the
// other. In the end all is handled, nothing is left, and no alert is on.
func TestEachAlertIsMendedByWhatTheRunbookSays(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: builds a whole service")
	}
	n := newNight(t)
	n.send()
	await(n.T, "all to be booked", n.isBooked)
	n.prometheus.isSilent()

	n.dependencyIsDown()
	n.deadLettersAreRefused()
	n.deadLettersGoBack()

	await(n.T, "all to be booked", n.isBooked)
	if out := n.runbook("OldestMessageTooOld").run("lag"); !regexp.MustCompile(`(?m) all +0$`).MatchString(out) {
		t.Errorf("something waits:\n%s", out)
	}
}

// dependencyIsDown stops what handlers need.
func (n *night) dependencyIsDown() {
	n.ledger.stop()
	n.send()
	alert := n.prometheus.awaitFiring("OldestMessageTooOld")
	n.isNotReady("ledger: ", "connection refused")
	page := n.page(alert)
	page.namesWhatTheLogHas(n.log())
	if out := page.run("lag"); !regexp.MustCompile(fmt.Sprintf(`(?m) all +%d$`, orders)).MatchString(out) {
		n.Errorf("the lag is not %d:\n%s", orders, out)
	}
	n.ledger.start() // what the error names is brought back
	n.prometheus.awaitGone("OldestMessageTooOld")
	n.awaitReady()
	await(n.T, "all to be booked", n.isBooked)
}

// deadLettersAreRefused has dead letters that their topic does not take.
func (n *night) deadLettersAreRefused() {
	if err := n.client.SetTopic(n.Context(), "orders.dlq", "max.message.bytes", "100"); err != nil {
		n.Fatal(err)
	}
	n.ledger.refuse("the books of 2025 are closed")
	n.send()
	alert := n.prometheus.awaitFiring("DeadLettersRefused")
	n.isNotReady("dead letters are refused")
	page := n.page(alert)
	page.namesWhatTheLogHas(n.log())
	page.run("kafka-configs")
	n.prometheus.awaitGone("DeadLettersRefused")
	n.awaitReady()
}

// deadLettersGoBack mends what made them, and sends them where they came from.
func (n *night) deadLettersGoBack() {
	alert := n.prometheus.awaitFiring("DeadLetters")
	if alert.Labels["topic"] != "orders" || alert.Labels["class"] != "handler" {
		n.Errorf("the alert does not say which: %v", alert.Labels)
	}
	page := n.page(alert)
	page.namesWhatTheLogHas(n.log())
	for _, look := range []string{"dlq ls", "dlq show"} {
		if out := page.run(look); !strings.Contains(out, "the books of") {
			n.Errorf("%s does not say why:\n%s", look, out)
		}
	}
	n.ledger.refuse("") // what the reason names is mended
	if out := page.run("dlq redrive"); !strings.Contains(out, fmt.Sprintf("to be redriven %d", orders)) {
		n.Errorf("it does not say what would be done:\n%s", out)
	}
	page.run("dlq redrive --execute")
	await(n.T, "all to be booked", n.isBooked)
	n.prometheus.awaitGone("DeadLetters")
}

// send sends orders that nobody sent before.
func (n *night) send() {
	n.Helper()
	var all []outside.Sample
	for i := range orders {
		id := fmt.Sprintf("A-%d", len(n.sent)+i)
		const value = `{"header":{"messageType":"OrderCreated","schemaName":"order","schemaVersion":"1","messageId":%[1]q,"timestamp":%[2]q,"producer":"test"},"body":{"id":%[1]q,"amount":1}}`
		all = append(all, outside.Sample{Topic: "orders", Key: id, Value: fmt.Appendf(nil, value, id, time.Now().UTC().Format(time.RFC3339Nano))})
	}
	sent, err := n.client.Send(n.Context(), all)
	if err != nil {
		n.Fatal(err)
	}
	n.sent = append(n.sent, sent...)
}

// isBooked reports whether all orders are booked that were sent.
func (n *night) isBooked() (bool, string) {
	booked := n.ledger.booked()
	return booked == len(n.sent), fmt.Sprintf("%d of %d orders are booked", booked, len(n.sent))
}

// isNotReady fails unless /readyz says why.
func (n *night) isNotReady(why ...string) {
	n.Helper()
	code, body := n.get("/readyz")
	for _, part := range why {
		if code != http.StatusServiceUnavailable || !strings.Contains(body, part) {
			n.Errorf("/readyz does not say %q, but %d: %s", part, code, body)
		}
	}
}
