package shop

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
)

// gateway captures payments, each idempotency key once. One request of five
// fails: the gateway says 500 before it captured or afterwards, or captures and
// does not answer.
type gateway struct {
	*httptest.Server
	mu       sync.Mutex
	random   *rand.Rand
	captured map[string]string // by idempotency key, the payment's id
	failed   int
	again    int // requests for what was captured before
	mistakes []string
}

func newGateway(t *testing.T) *gateway {
	t.Helper()
	g := &gateway{random: rand.New(rand.NewPCG(1, 2)), captured: map[string]string{}}
	g.Server = httptest.NewServer(http.HandlerFunc(g.capture))
	t.Cleanup(g.Close)
	return g
}

func (g *gateway) capture(w http.ResponseWriter, r *http.Request) {
	var payment struct{ ID string }
	if err := json.NewDecoder(r.Body).Decode(&payment); err != nil {
		return // the client is gone
	}
	luck := g.luck()
	if luck < 0.10 {
		http.Error(w, "not captured", http.StatusInternalServerError)
		return
	}
	g.book(r.Header.Get("Idempotency-Key"), payment.ID)
	switch {
	case luck < 0.15:
		http.Error(w, "captured", http.StatusInternalServerError)
	case luck < 0.20:
		<-r.Context().Done()
	}
}

func (g *gateway) luck() float64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	luck := g.random.Float64()
	if luck < 0.20 {
		g.failed++
	}
	return luck
}

func (g *gateway) book(key, payment string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch before, ok := g.captured[key]; {
	case ok && before == payment:
		g.again++
	case ok || key == "":
		g.mistakes = append(g.mistakes, "the key "+key+" comes with "+payment+" and "+before)
	default:
		g.captured[key] = payment
	}
}

// keys returns the idempotency keys that were captured, sorted.
func (g *gateway) keys() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []string
	for key := range g.captured {
		all = append(all, key)
	}
	slices.Sort(all)
	return all
}
