//go:build !avro

package service

import (
	"fmt"
	"log/slog"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// newCodec returns the codec of all topics that have no other.
func newCodec(cfg config.Config, _ *slog.Logger) (message.Codec, error) {
	switch cfg.TimestampWithoutZone {
	case "refuse":
		return envelope.JSON{}, nil
	case "utc":
		return envelope.JSON{AssumeUTC: true}, nil
	}
	return nil, fmt.Errorf("TIMESTAMP_WITHOUT_ZONE=%q: must be refuse or utc", cfg.TimestampWithoutZone)
}
