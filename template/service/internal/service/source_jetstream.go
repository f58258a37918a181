//go:build jetstream

package service

import "github.com/ouroboros-forge/forge/template/service/internal/jetstream"

// What the source of messages has.
type source = jetstream.Consumer

var (
	newPublisher = jetstream.NewPublisher
	newSource    = jetstream.NewConsumer
)
