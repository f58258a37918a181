//go:build rabbitmq

package service

import "github.com/ouroboros-forge/forge/template/service/internal/rabbitmq"

// What the commands ask of the source of messages.
var groupLag = rabbitmq.Lag
