package handlers

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"example.com/shop/internal/message"
	"example.com/shop/models"
)

// Orders books each order.
type Orders struct{ ledger Ledger }

// Handle books one order. The ledger's refusal is final, anything else is not.
func (h Orders) Handle(ctx context.Context, m message.Of[models.Order]) error {
	return h.ledger.do(ctx, http.MethodPost, m.Body.ID)
}

// Ledger is the bookkeeping, over HTTP.
type Ledger struct{ URL string }

// Check asks whether it answers.
func (l Ledger) Check(ctx context.Context) error { return l.do(ctx, http.MethodGet, "") }

func (l Ledger) do(ctx context.Context, method, body string) error {
	request, err := http.NewRequestWithContext(ctx, method, l.URL, strings.NewReader(body))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode < http.StatusBadRequest {
		return nil
	}
	reason, _ := io.ReadAll(response.Body)
	return message.Permanent(fmt.Errorf("the ledger says %d: %s", response.StatusCode, strings.TrimSpace(string(reason))))
}
