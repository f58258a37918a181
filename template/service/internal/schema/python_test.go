package schema_test

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// parcel is what both languages have in these tests.
type parcel struct {
	ID     string           `json:"id" validate:"required"`
	Weight float64          `json:"weight"`
	SentAt time.Time        `json:"sent_at"`
	Labels map[string]int64 `json:"labels"`
	Note   *string          `json:"note"`
	Parts  []part           `json:"parts"`
}

type part struct {
	Name string `json:"name"`
}

func (parcel) Schema() message.Schema { return message.Schema{Namespace: "shop.post", Name: "Parcel"} }

func aParcel() parcel {
	note := "für später"
	return parcel{
		ID: "P-1", Weight: 3, SentAt: time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC),
		Labels: map[string]int64{"floor": 4}, Note: &note, Parts: []part{{"lid"}, {"box"}},
	}
}

// pythonSchema is another version of a parcel's schema, as another team might
// have it: in another order, with a field more, and a weight that is whole.
const pythonSchema = `{"type":"record","name":"Parcel","namespace":"shop.post","fields":[
  {"name":"weight","type":"int"},
  {"name":"carrier","type":"string"},
  {"name":"id","type":"string"},
  {"name":"note","type":["null","string"],"default":null},
  {"name":"sent_at","type":{"type":"long","logicalType":"timestamp-millis"}},
  {"name":"labels","type":{"type":"map","values":"long"}},
  {"name":"parts","type":{"type":"array","items":{"type":"record","name":"part","fields":[{"name":"name","type":"string"}]}}}]}`

// What confluent-kafka 2.16.0 for Python wrote: its AvroSerializer by the schema
// above, and its JSONSerializer by ours. The script below makes them.
const (
	pythonAvro = "0000000001060862696b6506502d31021866c3bc72207370c3a4746572dcbccccaef66020a666c6f6f72080004066c696406626f7800"
	pythonJSON = "00000000017b226964223a22502d31222c22776569676874223a332c226e6f7465223a2266c3bc72207370c3a4746572222c226c6162656c73" +
		"223a7b22666c6f6f72223a347d2c227061727473223a5b7b226e616d65223a226c6964227d2c7b226e616d65223a22626f78227d5d2c2273656e745f6174" +
		"223a22323032362d30312d30325430333a30343a30352e3637385a227d"
)

// Bytes that Python wrote once are read everywhere, Python or not.
func TestReadsWhatPythonWrote(t *testing.T) {
	for format, recorded := range map[string]string{"avro": pythonAvro, "json": pythonJSON} {
		registry := startRegistry(t)
		registry.SeedSchema("parcels-value", 1, 1, seed(t, format))
		value, err := hex.DecodeString(recorded)
		if err != nil {
			t.Fatal(err)
		}
		isParcel(t, newCodec(t, settings(t, registry.URL(), "SCHEMA_REGISTRY_FORMAT", format)), value)
	}
}

// seed returns the schema that Python writes by.
func seed(t *testing.T, format string) sr.Schema {
	t.Helper()
	if format == "avro" {
		return sr.Schema{Schema: pythonSchema}
	}
	c := newCodec(t, settings(t, "http://127.0.0.1:1", "SCHEMA_REGISTRY_FORMAT", format))
	bind(t, c, "parcels", parcel{})
	return sr.Schema{Schema: c.Schemas()[0].Text, Type: sr.TypeJSON}
}

// isParcel fails unless value, which came without an envelope, is aParcel.
func isParcel(t *testing.T, c message.Codec, value []byte) {
	t.Helper()
	m := &message.Message{Topic: "parcels", Value: value, Time: time.Now()}
	var got parcel
	h, err := decode(t, c, m, &got)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, aParcel()) || h.MessageType != "Parcel" || h.SchemaName != "shop.post.Parcel" {
		t.Errorf("got  %+v %+v\nwant %+v", h, got, aParcel())
	}
}

// The real thing, both ways, where a Python with confluent-kafka[avro,json] is:
// the one that PYTHON names, or python3.
func TestPythonAndThisReadEachOther(t *testing.T) {
	python := cmp.Or(os.Getenv("PYTHON"), "python3")
	if out, err := exec.CommandContext(t.Context(), python, "-c", "import confluent_kafka.schema_registry.avro, confluent_kafka.schema_registry.json_schema").CombinedOutput(); err != nil {
		if os.Getenv("PYTHON") != "" {
			t.Fatalf("PYTHON=%s: %v\n%s", python, err, out)
		}
		t.Skip(`NOT TESTED with Python: pip install "confluent-kafka[avro,json]", and PYTHON may name the one that has it`)
	}
	for _, format := range []string{"avro", "json"} {
		t.Run(format, func(t *testing.T) {
			registry := startRegistry(t)
			wrote := runPython(t, python, registry.URL(), format, "write", seed(t, format).Schema)
			t.Logf("Python wrote %s", wrote)
			value, err := hex.DecodeString(wrote)
			if err != nil {
				t.Fatalf("%v: %s", err, wrote)
			}
			c := start(t, settings(t, registry.URL(), "SCHEMA_REGISTRY_FORMAT", format), "parcels", parcel{})
			isParcel(t, c, value)

			m := &message.Message{Topic: "parcels"}
			h := message.NewHeader("Parcel", "tests")
			if err := c.Encode(t.Context(), m, h, aParcel()); err != nil {
				t.Fatal(err)
			}
			read := runPython(t, python, registry.URL(), format, "read", hex.EncodeToString(m.Value))
			var got, want map[string]any
			text, _ := json.Marshal(aParcel())
			if err := json.Unmarshal([]byte(read), &got); err != nil {
				t.Fatalf("%v: %s", err, read)
			}
			_ = json.Unmarshal(text, &want)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("Python read\n%v\nwant\n%v", got, want)
			}
		})
	}
}

func runPython(t *testing.T, python string, arguments ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), python, append([]string{"-c", script}, arguments...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("python: %v\n%s", err, stderr.Bytes())
	}
	return strings.TrimSpace(string(out))
}

const script = `
import datetime, json, sys
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

url, kind, what, given = sys.argv[1:]
client = SchemaRegistryClient({"url": url})
context = SerializationContext("parcels", MessageField.VALUE)
sent = datetime.datetime(2026, 1, 2, 3, 4, 5, 678000, datetime.timezone.utc)

def text(o):
    return o.isoformat(timespec="milliseconds").replace("+00:00", "Z")

parcel = {"id": "P-1", "weight": 3, "note": "f\u00fcr sp\u00e4ter", "labels": {"floor": 4},
          "parts": [{"name": "lid"}, {"name": "box"}]}
if kind == "avro":
    parcel |= {"sent_at": sent, "carrier": "bike"}
    serializer, deserializer = AvroSerializer, lambda: AvroDeserializer(client)
    make = lambda: AvroSerializer(client, given)
else:
    parcel |= {"sent_at": text(sent)}
    make = lambda: JSONSerializer(given, client)
    deserializer = lambda: JSONDeserializer(None, schema_registry_client=client)
if what == "write":
    print(make()(parcel, context).hex())
else:
    print(json.dumps(deserializer()(bytes.fromhex(given), context), default=text))
`
