package message_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// CSV is a codec for payments as a line of text, with the envelope's header in
// the transport's headers.
type CSV struct{}

func (CSV) Decode(_ context.Context, m *message.Message, h *message.Header, body func(*message.Header) (any, error)) error {
	if err := message.ReadHeader(m, h); err != nil {
		return err
	}
	out, err := body(h)
	if err != nil {
		return err
	}
	payment, ok := out.(*Payment)
	if !ok {
		return fmt.Errorf("a %T is not read from CSV", out)
	}
	r := csv.NewReader(strings.NewReader(string(m.Value)))
	r.FieldsPerRecord = 2
	fields, err := r.Read()
	if err != nil {
		return err
	}
	payment.ID = fields[0]
	if payment.Amount, err = strconv.ParseFloat(fields[1], 64); err != nil {
		return fmt.Errorf("amount: %w", err)
	}
	return nil
}

func (CSV) Encode(_ context.Context, m *message.Message, h *message.Header, body any) error {
	payment, ok := body.(Payment)
	if !ok {
		return fmt.Errorf("a %T is not written as CSV", body)
	}
	if err := message.WriteHeader(m, h); err != nil {
		return err
	}
	m.Value = fmt.Appendf(nil, "%s,%v\n", payment.ID, payment.Amount)
	return nil
}

// A codec that has the value for the body alone.
func ExampleWriteHeader() {
	r := message.NewRegistry()
	message.Register(r, "payments", &Payments{}, message.WithCodec(CSV{}))

	ctx, m, h := context.Background(), &message.Message{Topic: "payments"}, message.NewHeader("PaymentReceived", "bank")
	if err := (CSV{}).Encode(ctx, m, &h, Payment{ID: "p-1", Amount: 9.5}); err != nil {
		fmt.Println(err)
	}
	producer, _ := m.Get("producer")
	fmt.Printf("%s: %s", producer, m.Value)
	fmt.Println(r.Handle(ctx, m))
	m.Value = []byte("p-1,much\n")
	fmt.Println(r.Handle(ctx, m))
	// Output:
	// bank: p-1,9.5
	// PaymentReceived p-1 9.5
	// <nil>
	// amount: strconv.ParseFloat: parsing "much": invalid syntax
}
