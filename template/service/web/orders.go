package web

import (
	"context"

	"github.com/ouroboros-forge/forge/template/service/internal/httpapi"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/models"
)

// Orders publishes what is posted to /orders.
type Orders struct {
	publisher message.Publisher
}

// NewOrders takes what the endpoint depends on.
func NewOrders(publisher message.Publisher) *Orders {
	return &Orders{publisher: publisher}
}

// Post gets each body decoded and valid, and says what is answered:
//
//   - nil: 202, with the id of the message;
//   - message.Invalid(field, problem): 400, which names the field;
//   - &httpapi.Error{Status: …, Detail: …}: that;
//   - what Publish returns: 503 if it may pass, so that the sender tries again.
func (e *Orders) Post(ctx context.Context, r httpapi.Request[models.Order]) error {
	return e.publisher.Publish(ctx, r.Body)
}
