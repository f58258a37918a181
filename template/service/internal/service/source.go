//go:build !jetstream && !rabbitmq && !share

package service

import "github.com/ouroboros-forge/forge/template/service/internal/kafka"

// source is where messages come from.
type source = kafka.Consumer

var (
	newPublisher = kafka.NewPublisher
	newSource    = kafka.NewConsumer
)
