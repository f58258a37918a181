package samples

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/sr"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/schema"
)

// schemaPatience is how long a service has to register its schemas.
const schemaPatience = 10 * time.Second

var errNoSubject = errors.New("no subject")

// encode returns the samples as a producer writes them that has its schemas in the
// registry: the body by the schema of its topic, the header in the record's
// headers. A sample of a topic that is not awaited and has no schema is left as it
// is, and so is one that is to be a dead letter and that no producer could write by
// the schema.
func (t Target) encode(ctx context.Context, all []Sample) ([]Sample, error) {
	if t.Registry == "" {
		return all, nil
	}
	client, err := sr.NewClient(sr.URLs(t.Registry))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, schemaPatience,
		fmt.Errorf("no schema registry with the schemas of these topics answers at %s; does the service run?", t.Registry))
	defer cancel()
	schemas := make(map[[2]string]sr.SubjectSchema) // by topic and type
	encoded := slices.Clone(all)
	for i := range encoded {
		s := &encoded[i]
		var envelope struct {
			Header map[string]string `json:"header"`
			Body   json.RawMessage   `json:"body"`
		}
		if json.Unmarshal(s.Value, &envelope) != nil {
			continue
		}
		of := [2]string{s.Topic, envelope.Header["messageType"]}
		found, ok := schemas[of]
		if !ok {
			if found, err = await(ctx, client, s.Topic, of[1], slices.Contains(t.Awaited, s.Topic)); err != nil {
				return nil, err
			}
			schemas[of] = found
		}
		if found.ID == 0 {
			continue
		}
		value := binary.BigEndian.AppendUint32([]byte{0}, uint32(found.ID))
		value, err = appendBody(value, found, envelope.Body)
		if err != nil && s.Expect == NameOf(engine.Handled) {
			return nil, fmt.Errorf("sample %q of %s cannot be written by its schema: body: %w", s.Name, s.Topic, err)
		}
		if err == nil { // one that is to be a dead letter may be sent as it stands
			s.Value, s.header = value, envelope.Header
		}
	}
	return encoded, nil
}

// await returns the latest schema for a type of a topic, once the registry answers.
// If it has none, await returns none or, when it is to come, waits for it.
func await(ctx context.Context, client *sr.Client, topic, messageType string, toCome bool) (sr.SubjectSchema, error) {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		found, err := find(ctx, client, topic, messageType)
		switch {
		case err == nil:
			return found, nil
		case errors.Is(err, errNoSubject) && !toCome:
			return sr.SubjectSchema{}, nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return found, errors.Join(context.Cause(ctx), err)
		}
	}
}

// find looks for the subject of the topic, and then for that of the type.
func find(ctx context.Context, client *sr.Client, topic, messageType string) (sr.SubjectSchema, error) {
	found, err := client.SchemaByVersion(ctx, topic+"-value", -1)
	if err == nil {
		return found, nil
	}
	subjects, err := client.Subjects(ctx)
	if err != nil {
		return found, err
	}
	for _, subject := range subjects {
		name, ok := strings.CutPrefix(subject, topic+"-")
		if ok && (name == messageType || strings.HasSuffix(name, "."+messageType)) {
			return client.SchemaByVersion(ctx, subject, -1)
		}
	}
	return found, fmt.Errorf("%w for %s of topic %s yet", errNoSubject, messageType, topic)
}

// appendBody writes a body in JSON by the schema.
func appendBody(value []byte, found sr.SubjectSchema, body json.RawMessage) ([]byte, error) {
	if found.Type == sr.TypeJSON {
		return append(value, body...), nil
	}
	s, err := avro.Parse(found.Schema.Schema)
	if err != nil {
		return nil, err
	}
	fields, err := schema.FromJSON(s, body)
	if err != nil {
		return nil, err
	}
	return s.AppendEncode(value, fields)
}

// headers are the fields of the envelope's header, where they are not in the value.
func (s Sample) headers() []message.Field {
	var all []message.Field
	for name, text := range s.header {
		all = append(all, message.Field{Key: name, Value: []byte(text)})
	}
	return all
}
