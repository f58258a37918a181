// Package gateway captures payments over HTTP.
package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/somebody/shop/internal/message"
	"github.com/somebody/shop/models"
)

// Gateway is the payment provider's API.
type Gateway struct {
	url    string
	client *http.Client
}

// New takes the URL of the API and the time for one answer.
func New(url string, timeout time.Duration) *Gateway {
	return &Gateway{url, &http.Client{Timeout: timeout}}
}

// Capture implements handlers.Gateway.
func (g *Gateway) Capture(ctx context.Context, idempotencyKey string, p models.Payment) error {
	body, err := json.Marshal(p)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, g.url+"/captures", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", idempotencyKey)
	response, err := g.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	switch {
	case response.StatusCode == http.StatusPaymentRequired:
		return message.Permanent(fmt.Errorf("payment %s is declined", p.ID))
	case response.StatusCode >= http.StatusBadRequest:
		return fmt.Errorf("capture payment %s: the gateway says %s", p.ID, response.Status)
	}
	return nil
}
