//go:build jetstream

package service

import "github.com/ouroboros-forge/forge/template/service/internal/jetstream"

// source is where messages come from.
type source = jetstream.Consumer

var (
	newPublisher = jetstream.NewPublisher
	newSource    = jetstream.NewConsumer
)
