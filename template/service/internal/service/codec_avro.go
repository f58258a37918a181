//go:build avro

package service

import (
	"log/slog"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/schema"
)

// newCodec returns the codec of all topics that have no other.
func newCodec(cfg config.Config, log *slog.Logger) (message.Codec, error) {
	return schema.New(cfg.Registry, log)
}
