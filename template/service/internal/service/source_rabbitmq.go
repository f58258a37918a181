//go:build rabbitmq

package service

import "github.com/ouroboros-forge/forge/template/service/internal/rabbitmq"

// source is where messages come from.
type source = rabbitmq.Consumer

var (
	newPublisher = rabbitmq.NewPublisher
	newSource    = rabbitmq.NewConsumer
)
