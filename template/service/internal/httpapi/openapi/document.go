// Package openapi describes what the service takes over HTTP in OpenAPI 3.1, from
// the models of its endpoints. A test holds openapi.yaml against it.
package openapi

import (
	"slices"

	"github.com/ouroboros-forge/forge/template/service/internal/httpapi"
)

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

// Merge returns what becomes of a file when it is to say what the document
// says. Whatever the file has besides stays, but in the schemas of models only
// what explains them does: a field or a rule that the model lost goes.
func Merge(file, document Object) Object { return merge("", file, document, false) }

func merge(name string, file, document Object, inModel bool) Object {
	merged := Object{}
	for key, value := range file {
		if !inModel || name != "properties" && slices.Contains(notes, key) {
			merged[key] = value
		}
	}
	for key, value := range document {
		below, ok := value.(Object)
		if !ok {
			merged[key] = value
			continue
		}
		had, _ := file[key].(Object)
		merged[key] = merge(key, had, below, inModel || name == "schemas")
	}
	return merged
}

// notes are the keywords of a schema that only explain.
var notes = []string{"title", "description", "example", "examples", "deprecated", "externalDocs", "$comment"}
