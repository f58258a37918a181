//go:build rabbitmq

package embedded

import (
	"net"
	"strings"
	"testing"
	"time"
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
