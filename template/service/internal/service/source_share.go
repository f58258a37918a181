//go:build share

package service

import "github.com/ouroboros-forge/forge/template/service/internal/kafka"

// What the source of messages has.
type source = kafka.ShareConsumer

var (
	newPublisher = kafka.NewPublisher
	newSource    = kafka.NewShareConsumer
)
