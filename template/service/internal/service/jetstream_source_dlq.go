//go:build jetstream

package service

import "github.com/ouroboros-forge/forge/template/service/internal/jetstream"

// What the commands ask of the source of messages.
var groupLag = jetstream.Lag

// rightsIn is where the rights at the broker are listed.
const rightsIn = "docs/jetstream.md"
