//go:build jetstream

package service

import "github.com/ouroboros-forge/forge/template/service/internal/jetstream"

// What the commands ask of the source of messages.
var groupLag = jetstream.Lag
