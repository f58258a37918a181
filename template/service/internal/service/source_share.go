//go:build share

package service

import "github.com/ouroboros-forge/forge/template/service/internal/kafka"

// source is where messages come from.
type source = kafka.ShareConsumer

var (
	newPublisher = kafka.NewPublisher
	newSource    = kafka.NewShareConsumer
)
