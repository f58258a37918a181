//go:build !avro && !fast

package service

import (
	"log/slog"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// newCodec returns the codec of all topics that have no other.
func newCodec(cfg config.Config, _ *slog.Logger) (message.Codec, error) {
	return envelope.JSON{AssumeUTC: cfg.TimestampWithoutZone == "utc"}, nil
}
