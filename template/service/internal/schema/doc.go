// Package schema keeps the schemas of models in a Schema Registry, and reads and
// writes bodies by them: in Avro, or in JSON.
//
// A schema comes from the Go struct: the names of its fields are those of its
// json tags (or of its avro tags), and a method Schema() may say more. A value
// on the wire is a zero byte, the id of the schema it was written with, and the
// body, as Confluent's clients have it; the envelope's header travels in the
// transport's headers.
package schema
