//go:build rabbitmq

package embedded

import (
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/rabbitmq"
)

func TestWithoutABrokerOneSentenceSaysSoonWhatToStart(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = gone.Close()
	for _, address := range []string{silent.Addr().String(), gone.Addr().String(), "[::1"} {
		t.Setenv(Address, "amqp://me:hunter2@"+address+"/")
		began := time.Now()
		_, _, err := Start(0)
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%s: said after %v", address, took)
		}
		if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "RABBITMQ_URL") {
			t.Errorf("%s: %v", address, err)
		} else if address != "[::1" && !strings.Contains(err.Error(), "start one with `docker compose up -d rabbitmq`") {
			t.Errorf("%s: it says not what to start: %v", address, err)
		}
	}
}

func TestABrokersNameHasNoPasswordAndLeadsThereAllTheSame(t *testing.T) {
	for _, c := range []struct{ setting, broker, want string }{
		{"", "127.0.0.1:5672", "amqp://guest:guest@127.0.0.1:5672/"},
		{"", "amqp://127.0.0.1:5672/#forge-a.", "amqp://guest:guest@127.0.0.1:5672/#forge-a."},
		{"amqps://me:hunter2@shop:5671/books", "amqps://shop:5671/books#forge-a.", "amqps://me:hunter2@shop:5671/books#forge-a."},
		{"amqp://me:hunter2@shop/", "amqp://you:geheim@127.0.0.1:5672/", "amqp://you:geheim@127.0.0.1:5672/"},
		{"", "", ""},
	} {
		t.Setenv(Address, c.setting)
		if got := Settings(c.broker, "test")[Address]; got != c.want {
			t.Errorf("%s: %s, want %s", c.broker, got, c.want)
		}
	}
}

// The e2e test gives the service the broker's whole URL, and dev the one without a user.
func TestQueuesEndWithWhoFoundTheBroker(t *testing.T) {
	if os.Getenv(Address) == "" {
		t.Skip("NOT TESTED: RABBITMQ_URL has no URL of a RabbitMQ")
	}
	for _, given := range []func(broker string) string{
		func(broker string) string { return broker },
		func(broker string) string { return Settings(broker, "test")[Address] },
	} {
		broker, stop, err := Start(0)
		if err != nil {
			t.Fatal(err)
		}
		if err := CreateTopics(t.Context(), given(broker), "orders"); err != nil {
			t.Fatal(err)
		}
		isThere := func(queue string) bool {
			err := onChannel(t.Context(), broker, func(ch *amqp.Channel, cfg config.RabbitMQ) error {
				_, err := ch.QueueDeclarePassive(cfg.QueuePrefix+queue, true, false, false, false, nil)
				return err
			})
			answer, isAnswer := errors.AsType[*amqp.Error](err)
			if err != nil && (!isAnswer || answer.Code != amqp.NotFound) {
				t.Fatal(err)
			}
			return err == nil
		}
		if !isThere("orders") || !isThere("orders.dlq") {
			t.Error("the queues were not created")
		}
		if stop(); isThere("orders") || isThere("orders.dlq") {
			t.Errorf("queues are left behind at %s", given(broker))
		}
	}
}

// make send knows nothing of the service's settings.
func TestWhatIsSentReachesATopicOfSeveralQueues(t *testing.T) {
	if os.Getenv(Address) == "" {
		t.Skip("NOT TESTED: RABBITMQ_URL has no URL of a RabbitMQ")
	}
	broker, stop, err := Start(0)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	send := func(topic string) error {
		return Send(t.Context(), broker, &message.Message{Topic: topic, Key: []byte("a"), Value: []byte("{}")})
	}
	if err := send("none"); err == nil || !strings.Contains(err.Error(), "there is no queue") {
		t.Errorf("to nowhere: %v", err)
	}
	err = onChannel(t.Context(), broker, func(ch *amqp.Channel, cfg config.RabbitMQ) error {
		cfg.Partitions = 2
		return errors.Join(rabbitmq.DeclareTopic(ch, cfg, "several", 0), rabbitmq.DeclareTopic(ch, cfg, "several", 1))
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := send("several"); err != nil {
		t.Error(err)
	}
	err = onChannel(t.Context(), broker, func(ch *amqp.Channel, cfg config.RabbitMQ) error {
		var n int
		for _, name := range []string{"several-0", "several-1", "several.dlq"} {
			purged, _ := ch.QueueDelete(cfg.QueuePrefix+name, false, false, false)
			n += purged
		}
		if n != 1 {
			t.Errorf("%d messages are there", n)
		}
		return ch.ExchangeDelete(cfg.QueuePrefix+"several", false, false)
	})
	if err != nil {
		t.Fatal(err)
	}
}
