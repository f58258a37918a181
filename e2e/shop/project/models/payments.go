package models

// Payment is the body of the messages on the topic payments.
type Payment struct {
	ID      string `json:"id" validate:"required"`
	OrderID string `json:"orderId" validate:"required"`
	Cents   int64  `json:"cents" validate:"gt=0"`
}

// MessageType is what the header's messageType must say.
func (Payment) MessageType() string { return "PaymentCreated" }
