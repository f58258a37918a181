//go:build rabbitmq

package service

import (
	"github.com/ouroboros-forge/forge/template/service/internal/publisher"
	"github.com/ouroboros-forge/forge/template/service/internal/rabbitmq"
)

// What the source of messages has.
type (
	producer = publisher.Publisher
	source   = rabbitmq.Consumer
)

var (
	newPublisher = rabbitmq.NewPublisher
	newSource    = rabbitmq.NewConsumer
)
