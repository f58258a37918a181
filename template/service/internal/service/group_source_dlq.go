//go:build !jetstream && !rabbitmq && !share

package service

import "github.com/ouroboros-forge/forge/template/service/internal/kafka"

// What the commands ask of the source of messages.
var (
	groupLag    = kafka.Lag
	groupRights = []string{"Read"}
)
