// Package openapi describes what the service takes over HTTP in OpenAPI 3.1, from
// the models of its endpoints. A test holds openapi.yaml against it.
package openapi

import "github.com/ouroboros-forge/forge/template/service/internal/httpapi"

// Object is an object of the document.
type Object = map[string]any

// Document describes the operations. The parameters and responses that it
// refers to are the same for all, and in openapi.yaml.
func Document(operations []httpapi.Operation) Object {
	s := newSchemas()
	paths := Object{}
	for _, op := range operations {
		paths[op.Path] = Object{"post": Object{
			"parameters": []any{
				ref("parameters", "IdempotencyKey"), ref("parameters", "CorrelationID"), ref("parameters", "Traceparent"),
			},
			"requestBody": Object{
				"required": true,
				"content":  Object{"application/json": Object{"schema": s.model(op.Body)}},
			},
			"responses": Object{
				"202": ref("responses", "Accepted"),
				"400": ref("responses", "Refused"),
				"413": ref("responses", "Refused"),
				"415": ref("responses", "Refused"),
				"503": ref("responses", "Unavailable"),
			},
		}}
	}
	return Object{"openapi": "3.1.0", "paths": paths, "components": Object{"schemas": s.described}}
}

func ref(kind, name string) Object { return Object{"$ref": "#/components/" + kind + "/" + name} }
