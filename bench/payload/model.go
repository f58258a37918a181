package payload

import "time"

// Envelope is what somebody who writes a consumer by hand decodes into.
type Envelope struct {
	Header Header  `json:"header"`
	Body   Payment `json:"body"`
}

// Header is the envelope's header.
type Header struct {
	MessageType   string    `json:"messageType"`
	SchemaName    string    `json:"schemaName"`
	SchemaVersion string    `json:"schemaVersion"`
	CorrelationID string    `json:"correlationId"`
	MessageID     string    `json:"messageId"`
	Timestamp     time.Time `json:"timestamp"`
	Producer      string    `json:"producer"`
}

// Payment is the envelope's body. The generated service has the same, with the
// same rules.
type Payment struct {
	ID       string  `json:"id" validate:"required"`
	Customer string  `json:"customer" validate:"required"`
	Currency string  `json:"currency" validate:"len=3"`
	Amount   float64 `json:"amount" validate:"gt=0"`
	Quantity int     `json:"quantity" validate:"gte=1"`
	Express  bool    `json:"express"`
	Method   string  `json:"method" validate:"oneof=card transfer cash"`
	Street   string  `json:"street" validate:"max=80"`
	Note     string  `json:"note" validate:"max=200"`
}
