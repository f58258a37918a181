//go:build share

package config

import (
	"cmp"
	"time"
)

// Source is where messages come from, and where events go.
type Source = Kafka

const (
	sourcePrefix = "KAFKA_" // begins the names of settings that no other program has
	groupID      = "KAFKA_GROUP_ID"
	noGroup      = "a consumer needs a group; instances with the same group share the work"
)

// finishSource sets what follows other settings where it is not set, and refuses
// settings that do not fit together.
func (s *scope) finishSource(service string) {
	k := s.source
	k.files = s.files
	k.ClientID = cmp.Or(k.ClientID, service)
	k.ReadTimeout = cmp.Or(k.ReadTimeout, 30*time.Second)
	if s.isWrong(consumerSettings) {
		return
	}
	s.require(s.consumer == "" || k.GroupID != "", groupID, noGroup)
	s.checkEngine(&k.Engine)
	s.checkPublish(k.Publish)
	k.checkSecurity(s)
}

// What settings are when they are not set, and what they are for, if that is not what it is
// with other sources. A share group has no order over its instances.
var (
	sourceDefaults = map[string]string{"ORDERING": "none"}
	sourceHelp     map[string]string
)
