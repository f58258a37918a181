package service_test

import (
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/embedded"
)

// freePort returns host and port of loopback on which nothing listens.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// send sends a message.
func send(t *testing.T, broker, id string) {
	t.Helper()
	if err := embedded.Send(t.Context(), broker, record("accounts", id)); err != nil {
		t.Fatal(err)
	}
}

// handleOne sends a message and waits until it is handled.
func handleOne(t *testing.T, broker string, handled <-chan string, id string) {
	t.Helper()
	send(t, broker, id)
	if got := <-handled; got != id {
		t.Errorf("handled %s, want %s", got, id)
	}
}

func readAll(response *http.Response) string {
	body, _ := io.ReadAll(response.Body)
	return string(body)
}
