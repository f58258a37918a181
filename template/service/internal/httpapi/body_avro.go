//go:build avro

package httpapi

import (
	"reflect"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/schema"
)

// fillers returns what fills in the bodies of models, which are written by their
// schemas, so that each field has a value. A model without a schema in Avro is one
// that another codec writes.
func fillers(cfg config.Config) func(reflect.Type) envelope.Filler {
	return func(model reflect.Type) envelope.Filler {
		bodies, err := schema.NewBodies(model)
		if cfg.Registry.SchemaFormat == "json" || err != nil {
			return nil
		}
		return bodies
	}
}
