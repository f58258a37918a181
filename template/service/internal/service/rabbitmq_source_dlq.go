//go:build rabbitmq

package service

import "github.com/ouroboros-forge/forge/template/service/internal/rabbitmq"

// What the commands ask of the source of messages.
var groupLag = rabbitmq.Lag

// rightsIn is where the rights at the broker are listed.
const rightsIn = "docs/rabbitmq.md"
