// Package openapi describes what the service takes over HTTP in OpenAPI 3.1, from
// the models of its endpoints. A test holds openapi.yaml against it.
package openapi

import "github.com/ouroboros-forge/forge/template/service/internal/httpapi"

// Document describes the operations. The parameters and responses that it
// refers to are the same for all, and in openapi.yaml.
func Document(operations []httpapi.Operation) Object {
	s := newSchemas()
	paths := Object{}
	for _, op := range operations {
		post := Object{}
		if op.Topic != "" {
			post = post.with("summary", "Publishes to the topic "+op.Topic)
		}
		paths = paths.with(op.Path, Object{{"post", append(post, Object{
			{"parameters", []Object{
				ref("parameters", "IdempotencyKey"), ref("parameters", "CorrelationID"), ref("parameters", "Traceparent"),
			}},
			{"requestBody", Object{
				{"required", true},
				{"content", Object{{"application/json", Object{{"schema", s.model(op)}}}}},
			}},
			{"responses", Object{
				{"202", ref("responses", accepted)},
				{"400", ref("responses", "Refused")},
				{"413", ref("responses", "Refused")},
				{"415", ref("responses", "Refused")},
				{"503", ref("responses", "Unavailable")},
			}},
		}...)}})
	}
	return Object{{"openapi", "3.1.0"}, {"paths", paths}, {"components", Object{{"schemas", s.described}}}}
}

// accepted is the answer to what an endpoint of httpapi.Post has published.
const accepted = "Accepted"

func ref(kind, name string) Object { return Object{{"$ref", "#/components/" + kind + "/" + name}} }
