package web

import (
	"net/http"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/message/messagetest"
)

func TestOrders_publishes(t *testing.T) {
	all := bodies(t, "orders")
	if len(all) == 0 {
		t.Skip("NOT TESTED: dev/samples has no message for orders that is handled")
	}
	for _, body := range all {
		published := new(messagetest.Publisher)
		answer := post(published, "/orders", body)
		if answer.Code != http.StatusAccepted || len(published.Events()) != 1 {
			t.Fatalf("%s: %d %s, %d events", body, answer.Code, answer.Body, len(published.Events()))
		}
		if e := published.Events()[0]; e.Topic() != "orders" {
			t.Errorf("%s: published to %s", body, e.Topic())
		}
	}
}

func TestOrders_refuses(t *testing.T) {
	published := new(messagetest.Publisher)
	for _, body := range []string{``, `[]`, `null`, `{"id"`} {
		if answer := post(published, "/orders", body); answer.Code != http.StatusBadRequest {
			t.Errorf("%q: %d %s", body, answer.Code, answer.Body)
		}
	}
	if len(published.Events()) > 0 {
		t.Errorf("published %v", published.Events())
	}
}
