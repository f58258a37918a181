//go:build http

package web

import (
	"net/http"
	"testing"
)

func TestOrders_publishes(t *testing.T) {
	all := bodies(t, "orders")
	if len(all) == 0 {
		t.Skip("NOT TESTED: dev/samples has no message for orders that is handled")
	}
	for _, body := range all {
		published := new(sink)
		answer := post(newAPI(published), "/orders", body)
		if answer.Code != http.StatusAccepted || len(published.events) != 1 {
			t.Fatalf("%s: %d %s, %d events", body, answer.Code, answer.Body, len(published.events))
		}
		if e := published.events[0]; e.Topic() != "orders" {
			t.Errorf("%s: published to %s", body, e.Topic())
		}
	}
}

func TestOrders_refuses(t *testing.T) {
	published := new(sink)
	for _, body := range []string{``, `[]`, `null`, `{"id"`} {
		if answer := post(newAPI(published), "/orders", body); answer.Code != http.StatusBadRequest {
			t.Errorf("%q: %d %s", body, answer.Code, answer.Body)
		}
	}
	if len(published.events) > 0 {
		t.Errorf("published %v", published.events)
	}
}
