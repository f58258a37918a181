package models

// Order is the body of the messages on the topic orders. The validate tags are
// checked before a handler sees it; a method Validate() error would take their
// place.
type Order struct {
	ID     string  `json:"id" validate:"required"`
	Amount float64 `json:"amount" validate:"gt=0"`
	Note   string  `json:"note,omitempty" validate:"max=200"`
}

// MessageType is what the header's messageType must say. The topic can have
// other types too, each with a model and a handler of its own.
func (Order) MessageType() string { return "OrderCreated" }

// Topic is where it is published.
func (Order) Topic() string { return "orders" }

// Key is the id of what the message is about. Messages with the same key stay
// in their order; an empty one is none.
func (m Order) Key() string { return m.ID }
