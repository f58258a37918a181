//go:build rabbitmq

package service

import "github.com/ouroboros-forge/forge/template/service/internal/rabbitmq"

// What the source of messages has.
type (
	publisher = rabbitmq.Publisher
	source    = rabbitmq.Consumer
)

var (
	newPublisher = rabbitmq.NewPublisher
	newSource    = rabbitmq.NewConsumer
)
