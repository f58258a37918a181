// Package shop tests a service as a user makes it: forge writes it, and over
// that lies what its user wrote, in project/. It runs against a PostgreSQL and a
// payment gateway that fail, and loses nothing.
package shop

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ouroboros-forge/forge/e2e/generated"
)

const messages = 2000 // orders, and payments

func TestMain(m *testing.M) { os.Exit(generated.Main(m)) }

// broker is where messages come from. It is in this process: what it has outlives the
// service.
type broker interface {
	// address is where it is, host:port.
	address() string
	// send sends the orders and payments from number first on, up to number end.
	send(first, end int)
	// awaitDone waits until it knows that all which the groups were given is done.
	awaitDone(groups ...string)
	// deadLetters returns how many there are.
	deadLetters() int64
	// accepted returns the ids of the events that are published, sorted, each once; nil
	// where what was read is not there any more.
	accepted() []string
}

// The shop loses nothing and does nothing twice, with each source and the same code of
// its user's. Its database is away for 30 s, or shorter where that was seen.
func TestShop(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: builds a whole service")
	}
	for _, source := range []struct {
		name   string
		start  func(t *testing.T) broker
		outage time.Duration
	}{
		{"kafka", newKafka, 30 * time.Second},
		{"kafka-share", newShareKafka, 5 * time.Second},
		{"jetstream", newJetStream, 5 * time.Second},
		{"rabbitmq", newRabbitMQ, 5 * time.Second},
	} {
		t.Run(source.name, func(t *testing.T) { losesNothing(t, source.name, source.start(t), source.outage) })
	}
}

func losesNothing(t *testing.T, source string, from broker, outage time.Duration) {
	t.Helper()
	dir := newShop(t, source, from.address())
	generated.Do(t, dir, "go", "build", "-o", filepath.Join("bin", "shop"), ".")
	generated.Do(t, dir, "go", "vet", "./...")
	generated.Do(t, dir, "go", "test", "-short", "./...")
	if source != "kafka-share" { // whose test is the same
		t.Log(generated.Do(t, dir, "go", "test", "-count=1", "-v", "-run", "TestEachMessage", "./e2e")) // with Docker, as `make e2e`
	}

	db, api := newPostgres(t), newGateway(t)
	t.Setenv("SHOP_DATABASE_URL", db.url())
	generated.Do(t, dir, "go", "test", "-short", "-count=1", "./app", "./store")
	db.query("TRUNCATE orders, audit")

	appendTo(t, filepath.Join(dir, ".env"), fmt.Sprintf("DATABASE_URL='%s'\nGATEWAY_URL=%s\nGATEWAY_TIMEOUT=300ms\nDATABASE_POOL=4\n", db.url(), api.URL))
	showsSettings(t, dir)
	outlives(t, dir, from, db, api, outage)
	nothingIsLostOrDoubled(t, from, db, api)
}

// showsSettings asks for the service's settings, the user's among them.
func showsSettings(t *testing.T, dir string) {
	t.Helper()
	shown := generated.Do(t, dir, filepath.Join(dir, "bin", "shop"), "config")
	for _, want := range []string{`DATABASE_URL=\[redacted\] +# \.env:\d+`, `GATEWAY_TIMEOUT=300ms +# \.env:\d+`} {
		if !regexp.MustCompile(`(?m)^` + want + `$`).MatchString(shown) {
			t.Errorf("config does not show %s:\n%s", want, shown)
		}
	}
}

// outlives runs the service through everything that can happen to it, and all
// messages through the service.
func outlives(t *testing.T, dir string, from broker, db *postgres, api *gateway, outage time.Duration) {
	t.Helper()
	const part = messages / 4
	awaitStored := func(n int) {
		t.Helper()
		await(t, func() (bool, string) {
			stored := db.count("orders")
			return stored >= n, fmt.Sprint(stored, " orders are stored")
		})
	}

	// It starts before its database.
	db.stop()
	s := startService(t, dir)
	s.awaitReady(http.StatusServiceUnavailable, "database migration")
	db.start()
	s.awaitReady(http.StatusOK, "")
	if log := read(t, s.log); !strings.Contains(log, "DATABASE_POOL") {
		t.Errorf("it does not say that nothing reads DATABASE_POOL:\n%s", log)
	}

	// The database is away. Payments do not need it.
	from.send(0, part)
	from.send(0, 20) // as a producer that did not get the answer
	awaitStored(part / 10)
	db.stop()
	over := time.After(outage)
	s.awaitReady(http.StatusServiceUnavailable, "database: ")
	from.send(part, 2*part)
	await(t, func() (bool, string) {
		n := len(api.keys())
		return n == 2*part, fmt.Sprint(n, " payments are captured while the database is away")
	})
	if code, body := s.get("/livez"); code != http.StatusOK {
		t.Errorf("/livez says %s while the database is away", body)
	}
	<-over
	db.start()
	s.awaitReady(http.StatusOK, "")
	if _, metrics := s.get("/metrics"); !regexp.MustCompile(`(?m)^shop_orders_stored_total [1-9]`).MatchString(metrics) {
		t.Errorf("/metrics lacks shop_orders_stored_total:\n%s", metrics)
	}

	// It is killed.
	from.send(2*part, 3*part)
	awaitStored(2*part + part/10)
	s.stop(syscall.SIGKILL)
	s = startService(t, dir)

	// It is stopped.
	from.send(3*part, messages)
	awaitStored(3*part + part/10)
	stopInOrder(t, s)
	s = startService(t, dir)
	s.awaitReady(http.StatusOK, "")
	awaitAll(t, db, api)
	from.awaitDone("shop", "shop-audit")
	stopInOrder(t, s)
}

// awaitAll waits until all that was sent has come through the service.
func awaitAll(t *testing.T, db *postgres, api *gateway) {
	t.Helper()
	await(t, func() (bool, string) {
		orders, audited, captured := db.count("orders"), db.count("audit"), len(api.keys())
		return orders == messages && audited == messages && captured == messages,
			fmt.Sprintf("%d orders are stored, %d events audited, %d payments captured", orders, audited, captured)
	})
}

func stopInOrder(t *testing.T, s *service) {
	t.Helper()
	if state := s.stop(syscall.SIGTERM); !state.Success() {
		t.Errorf("it ends with %v", state)
	}
}

func nothingIsLostOrDoubled(t *testing.T, from broker, db *postgres, api *gateway) {
	t.Helper()
	var orders, payments, accepted []string
	for i := range messages {
		orders, payments = append(orders, orderID(i)), append(payments, paymentID(i))
		accepted = append(accepted, "accepted-"+orderID(i))
	}
	same(t, "stored messages", db.query("SELECT message_id FROM orders ORDER BY 1"), orders)
	if n := db.count("(SELECT DISTINCT id FROM orders) o"); n != messages {
		t.Errorf("%d different orders are stored", n)
	}
	if published := from.accepted(); published != nil {
		same(t, "published events", published, accepted)
	}
	same(t, "audited events", db.query("SELECT event_id FROM audit ORDER BY 1"), accepted)
	same(t, "captured payments", api.keys(), payments)
	for _, mistake := range api.mistakes {
		t.Error(mistake)
	}
	if n := from.deadLetters(); n != 0 {
		t.Errorf("%d dead letters", n)
	}
	t.Logf("the gateway failed %d times and was asked %d times for what it had captured", api.failed, api.again)
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%d %s, want %d", len(got), what, len(want))
	}
}
