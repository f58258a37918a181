//go:build jetstream

package service

import (
	"github.com/ouroboros-forge/forge/template/service/internal/jetstream"
	"github.com/ouroboros-forge/forge/template/service/internal/publisher"
)

// What the source of messages has.
type (
	producer = publisher.Publisher
	source   = jetstream.Consumer
)

var (
	newPublisher = jetstream.NewPublisher
	newSource    = jetstream.NewConsumer
)
