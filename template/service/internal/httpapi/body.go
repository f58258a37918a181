//go:build !avro

package httpapi

import (
	"reflect"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
)

// fillers returns no filler for any model: what is absent in a body is absent in
// its message too.
func fillers(config.Config) func(reflect.Type) envelope.Filler {
	return func(reflect.Type) envelope.Filler { return nil }
}
