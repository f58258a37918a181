package contender

import (
	"encoding/json"

	experimental "github.com/go-json-experiment/json"
	"github.com/go-playground/validator/v10"

	"github.com/ouroboros-forge/forge/bench/payload"
)

// decode is what somebody does with a value before handling it.
type decode func(value []byte) error

func none([]byte) error { return nil }

func standard(value []byte) error {
	var e payload.Envelope
	return json.Unmarshal(value, &e)
}

func experiment(value []byte) error {
	var e payload.Envelope
	return experimental.Unmarshal(value, &e)
}

var validate = validator.New(validator.WithRequiredStructEnabled())

func validated(value []byte) error {
	var e payload.Envelope
	if err := json.Unmarshal(value, &e); err != nil {
		return err
	}
	return validate.Struct(&e.Body)
}
