package envelope_test

import (
	"fmt"

	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Payment is a model.
type Payment struct {
	ID     string  `json:"id" validate:"required"`
	Amount float64 `json:"amount" validate:"gt=0"`
}

// A body that comes another way than in a message, checked as in one.
func ExampleBody_Read() {
	payments, err := envelope.NewBody[Payment](nil)
	if err != nil {
		fmt.Println(err) // a mistake in the model
		return
	}
	body, err := payments.Read([]byte(`{"id": "p-1", "amount": 9.5}`))
	fmt.Println(body.ID, body.Amount, err)

	_, err = payments.Read([]byte(`{"amount": -1}`))
	for _, field := range message.Fields(err) {
		fmt.Printf("%s: %s\n", field.Field, field.Problem)
	}
	// Output:
	// p-1 9.5 <nil>
	// id: is required
	// amount: must be greater than 0
}
