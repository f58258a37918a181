package models

// Order is the body of the messages on the topic orders.
type Order struct {
	ID       string `json:"id" validate:"required"`
	Customer string `json:"customer" validate:"required"`
	Cents    int64  `json:"cents" validate:"gt=0"`
}

// MessageType is what the header's messageType must say.
func (Order) MessageType() string { return "OrderCreated" }

// OrderAccepted is published for each order that was stored.
type OrderAccepted struct {
	OrderID string `json:"orderId" validate:"required"`
	Cents   int64  `json:"cents" validate:"gt=0"`
}

// MessageType is how consumers know it.
func (OrderAccepted) MessageType() string { return "OrderAccepted" }

// Topic is where it is published.
func (OrderAccepted) Topic() string { return "order-accepted" }

// Key keeps the events of an order in their order.
func (e OrderAccepted) Key() string { return e.OrderID }
