package model

import (
	"fmt"
	"strings"
)

// Source is the Avro schema that belongs beside the model, or empty where none
// does.
func (m *Model) Source() string {
	if !m.embeds() {
		return ""
	}
	return m.source
}

// Samples returns the topic's file of sample messages: each with the fate that
// it is to meet. Of what is not valid they show what can be sent. The messages' ids
// have ids in their middle.
func (m *Model) Samples(topic, messageType, ids string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "{\n  \"topic\": %s,\n  \"samples\": [", quoteJSON(topic))
	n := 0
	add := func(name, expect, reason, value string) {
		if n++; n > 1 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, "\n    {\n      \"name\": %s,\n      \"key\": \"key-%d\",\n      \"expect\": %s,\n", quoteJSON(name), n, quoteJSON(expect))
		if reason != "" {
			fmt.Fprintf(&b, "      \"reason\": %s,\n", quoteJSON(reason))
		}
		fmt.Fprintf(&b, "      \"value\": %s\n    }", value)
	}
	const dead = "dead letter"
	for _, c := range m.Cases() {
		switch {
		case c.Problem == "":
			add("valid", "handled", "", m.envelope(messageType, ids, n+1, c.Body))
		case (c.Wire || !m.avro) && n == 1: // one shows it
			add("invalid: "+c.Name, dead, reason(c.Field), m.envelope(messageType, ids, n+1, c.Body))
		}
	}
	add("undecodable: no envelope", dead, "", `"no envelope"`)
	b.WriteString("\n  ]\n}\n")
	return []byte(b.String())
}

// reason is what a dead letter's reason must contain to name a field. Long names
// are cut there.
func reason(field string) string {
	if len([]rune(field)) > 40 {
		return ""
	}
	return field
}

// envelope puts a body into the envelope of the n-th sample.
func (m *Model) envelope(messageType, ids string, n int, body string) string {
	name := m.Name
	if name == "" {
		name = messageType
	}
	if m.Namespace != "" {
		name = m.Namespace + "." + name
	}
	return fmt.Sprintf(`{
        "header": {
          "messageType": %s,
          "schemaName": %s,
          "schemaVersion": %s,
          "correlationId": "0192f0c0-%s-%012x",
          "messageId": "%08x-%s-%012x",
          "timestamp": "2026-01-02T12:00:%02dZ",
          "producer": "dev"
        },
        "body": %s
      }`, quoteJSON(messageType), quoteJSON(name), quoteJSON(m.Version), ids, 0xa0+n, 0x0192f0c0+n, ids, n, n, body)
}
