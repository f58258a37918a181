package oncall

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/e2e/generated"
)

// queues is a broker whose dead letters are gone when they were sent back.
type queues interface {
	settings() []string       // that lead a service to it
	send(all []sent)          // to the topic orders
	waiting(topic string) int // how many messages the topic has
	redriven() []sent         // what a redrive wrote to orders, and stays there
}

// sent is a message of the topic orders.
type sent struct {
	key    []byte
	value  []byte
	number string // its header
}

func (m sent) sum() [sha256.Size]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%v %q %q %q", m.key == nil, m.key, m.value, m.number))
}

// counter is where they are sent back from.
type counter struct {
	*testing.T
	*service
	queues
}

// TestAThousandDeadLettersLeaveTheirQueue has a service make dead letters of three classes,
// and its command send them back, as with Kafka: some of them, and then the rest while it is
// killed.
func TestAThousandDeadLettersLeaveTheirQueue(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: builds a whole service")
	}
	for source, newQueues := range map[string]func(*testing.T) queues{"jetstream": newStreams, "rabbitmq": newRabbit} {
		t.Run(source, func(t *testing.T) {
			c := newCounter(t, source, newQueues(t))
			wrote := c.fill()
			c.awaitWaiting("orders.dlq", letters)
			c.stop()

			before := c.everything()
			c.says("to be redriven 1000", "redrive")
			c.says("to be redriven 334", "redrive", "--class", "handler")
			c.says("to be deleted 1000", "purge", "--all")
			if after := c.everything(); after != before {
				t.Errorf("a dry run wrote or removed: there was %s\nand is %s", before, after)
			}

			c.says("redriven 334", "redrive", "--class", "handler", "--execute")
			c.allCameBack(wrote[handlerClass])
			if n := c.waiting("orders.dlq"); n != letters-len(wrote[handlerClass]) {
				t.Errorf("%d are left, want those of the other classes", n)
			}
			killARedrive(t, c.command("dlq", "redrive", "--execute", "--rate", "200"), func() int64 { return int64(c.waiting("orders")) })
			await(t, "no dead letter to be left", func() (bool, string) { // RabbitMQ may not know yet that the other is gone
				out := c.dlq("redrive", "--execute")
				return c.waiting("orders.dlq") == 0 && strings.Contains(c.dlq("ls"), "dead letters 0"), out
			})
			c.allCameBack(wrote[handlerClass], wrote[invalidClass], wrote[decodeClass])

			c.isParkedAtLast("stubborn")
		})
	}
}

func newCounter(t *testing.T, source string, q queues) *counter {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "shop")
	generated.Do(t, ".", generated.Forge(t), "new", dir, "--module", "example.com/shop", "--source", source, "--with", "dlq", "--without", "github", "--no-input")
	s := &service{t: t, dir: dir, ops: freeAddress(t), logFile: filepath.Join(t.TempDir(), "log"), binary: filepath.Join(t.TempDir(), "shop")}
	generated.Do(t, dir, "go", "build", "-o", s.binary, ".")
	s.env = append(append(os.Environ(), "LOG_FORMAT=json"), q.settings()...)
	s.start()
	s.awaitReady()
	return &counter{T: t, service: s, queues: q}
}

// fill sends messages with keys of all kinds, and returns what they were, by class.
func (c *counter) fill() (wrote [3][]sent) {
	c.Helper()
	var all []sent
	for i := range letters {
		class := i % 3
		amount := [...]int{20_000, -1, 1}[class]
		m := sent{number: strconv.Itoa(i), value: fmt.Appendf(nil, ` {"header":{"messageType":"OrderCreated","schemaName":"order","schemaVersion":"1",`+
			`"messageId":"m-%[1]d","timestamp":"2026-01-02T12:00:00Z","producer":"test"},"body":{"id":"A-%[1]d","amount":%[2]d}}`+"\n", i, amount)}
		if class == decodeClass {
			m.value = append(m.value[:40], 0xfe, byte(i), byte(i>>8))
		}
		m.key = [][]byte{nil, {}, fmt.Appendf(nil, "key-%d", i%7), {0xff, byte(i)}}[i%4]
		if i == invalidClass {
			m.key = []byte("stubborn")
		}
		wrote[class] = append(wrote[class], m)
		all = append(all, m)
	}
	c.send(all)
	return wrote
}

func (c *counter) dlq(args ...string) string {
	c.Helper()
	out, err := c.command(append([]string{"dlq"}, args...)...).CombinedOutput()
	if err != nil {
		c.Fatalf("dlq %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func (c *counter) says(want string, args ...string) {
	c.Helper()
	if out := c.dlq(args...); !strings.Contains(out, want) {
		c.Errorf("dlq %v does not say %q:\n%s", args, want, out)
	}
}

// everything is how many messages there are.
func (c *counter) everything() string {
	return fmt.Sprint(c.waiting("orders"), c.waiting("orders.dlq"), c.waiting("orders.parked"))
}

// allCameBack fails unless all messages are in their topic again, each as it was.
func (c *counter) allCameBack(wrote ...[]sent) {
	c.Helper()
	came, extra := make(sums), 0
	for _, m := range c.redriven() {
		came[m.sum()]++
	}
	for _, class := range wrote {
		for _, m := range class {
			if came[m.sum()] == 0 {
				c.Errorf("message %s did not come back as it was", m.number)
			}
			extra += max(came[m.sum()]-1, 0)
			delete(came, m.sum())
		}
	}
	if len(came) > 0 {
		c.Errorf("%d messages came back that were not to, or not as they were", len(came))
	}
	c.Logf("%d came twice", extra)
}

func (c *counter) awaitWaiting(topic string, n int) {
	c.Helper()
	await(c.T, fmt.Sprintf("%d messages in %s", n, topic), func() (bool, string) {
		there := c.waiting(topic)
		return there >= n, fmt.Sprintf("there are %d", there)
	})
}

// isParkedAtLast has a message fail each time it comes back, until it does not come back
// any more.
func (c *counter) isParkedAtLast(key string) {
	c.Helper()
	c.start()
	c.awaitReady()
	await(c.T, "it to be parked", func() (bool, string) {
		out := c.dlq("redrive", "--key", key, "--execute")
		return strings.Contains(out, "parked 1"), out
	})
	c.stop()
	if n := c.waiting("orders.parked"); n == 0 {
		c.Error("nothing is parked")
	}
}
