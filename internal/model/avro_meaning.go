package model

import (
	"slices"
	"strings"
)

// meanings are what Kafka Connect and Debezium say of a type by connect.name, where
// Avro has no word for it.
var meanings = map[string]string{
	"io.debezium.time.Date":                   "Days since 1970-01-01.",
	"io.debezium.time.Time":                   "Milliseconds since midnight.",
	"io.debezium.time.MicroTime":              "Microseconds since midnight.",
	"io.debezium.time.NanoTime":               "Nanoseconds since midnight.",
	"io.debezium.time.Timestamp":              "Milliseconds since 1970-01-01 00:00:00, without a time zone.",
	"io.debezium.time.MicroTimestamp":         "Microseconds since 1970-01-01 00:00:00, without a time zone.",
	"io.debezium.time.NanoTimestamp":          "Nanoseconds since 1970-01-01 00:00:00, without a time zone.",
	"io.debezium.time.ZonedTime":              "A time of the day with its zone, as in 12:00:01Z.",
	"io.debezium.time.ZonedTimestamp":         "A time with its zone, as in 2026-01-02T12:00:01Z.",
	"io.debezium.time.Year":                   "A year.",
	"io.debezium.time.MicroDuration":          "Microseconds, a duration.",
	"io.debezium.time.NanoDuration":           "Nanoseconds, a duration.",
	"io.debezium.time.Interval":               "A duration of ISO 8601, as in P1Y2M3DT4H5M6.78S.",
	"io.debezium.data.Json":                   "JSON in a text.",
	"io.debezium.data.Xml":                    "XML in a text.",
	"io.debezium.data.Uuid":                   "A UUID.",
	"io.debezium.data.Bits":                   "Bits, those of the least value in the first byte.",
	"io.debezium.data.Enum":                   "One of several texts.",
	"io.debezium.data.EnumSet":                "Several texts with commas between them.",
	"org.apache.kafka.connect.data.Date":      "Days since 1970-01-01.",
	"org.apache.kafka.connect.data.Time":      "Milliseconds since midnight.",
	"org.apache.kafka.connect.data.Timestamp": "Milliseconds since 1970-01-01 00:00:00 UTC.",
	"org.apache.kafka.connect.data.Decimal":   "A decimal number: the digits as a whole number, the most significant byte first.",
	"io.debezium.data.VariableScaleDecimal":   "A decimal number: the value's digits as a whole number, and how many of them are behind the point.",
	"io.debezium.data.geometry.Geometry":      "A shape in well-known binary, with the id of its system of coordinates.",
	"io.debezium.data.geometry.Geography":     "A shape in well-known binary, with the id of its system of coordinates.",
	"io.debezium.data.geometry.Point":         "A point.",
	"io.debezium.data.FloatVector":            "A vector.",
	"io.debezium.data.DoubleVector":           "A vector.",
}

// meaning notes what Connect says of a type, as far as its type in Go does not.
func (a *avroReader) meaning(n *node, t *Type) {
	name := n.get("connect.name")
	if name == nil || name.kind != text || t.logical != "" || t.branch == name.text {
		return
	}
	means, known := meanings[name.text]
	if !known {
		means = "Its type in Kafka Connect."
	}
	allowed := n.get("connect.parameters").get("allowed")
	if allowed != nil && allowed.kind == text {
		means = "One of " + strings.Join(strings.Split(allowed.text, ","), ", ") + ", which is not checked."
	}
	if means = strings.TrimSuffix(means, ".") + " (" + name.text + ")."; !slices.Contains(t.unchecked, means) {
		t.unchecked = append(slices.Clone(t.unchecked), means)
	}
}
