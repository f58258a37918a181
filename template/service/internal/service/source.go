//go:build !jetstream && !rabbitmq && !share

package service

import (
	"github.com/ouroboros-forge/forge/template/service/internal/kafka"
	"github.com/ouroboros-forge/forge/template/service/internal/publisher"
)

// What the source of messages has.
type (
	producer = publisher.Publisher
	source   = kafka.Consumer
)

var (
	newPublisher = kafka.NewPublisher
	newSource    = kafka.NewConsumer
)
