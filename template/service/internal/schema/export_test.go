package schema

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
)

// CompareJSON lets tests compare schemas that no model makes.
func CompareJSON(writer, reader string) error { return jsonFormat{}.compare(writer, reader) }

// CompareAvro does the same in Avro.
func CompareAvro(writer, reader string) error { return avroFormat{}.compare(writer, reader) }

func init() { // an instance that is behind in these tests catches up at once
	for i := range pauses {
		pauses[i] = time.Millisecond
	}
}

// NewAvroOver returns a codec whose registry is not behind a network.
func NewAvroOver(transport http.RoundTripper) (*Codec, error) {
	client, err := sr.NewClient(sr.URLs("http://registry"), sr.HTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		return nil, err
	}
	r := &Registry{client: client, url: "http://registry"}
	return newCodec(r, config.Registry{AutoRegister: true}, slog.New(slog.DiscardHandler)), nil
}
