//go:build !jetstream && !rabbitmq && !share

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

// joinMargin is the time that joining a group takes beside draining and one
// answer of a hung broker.
const joinMargin = 5 * time.Second

// finishSource sets what follows other settings where it is not set, and refuses
// settings that do not fit together. A broker that hangs holds a revocation up for
// the read timeout, and a member that has not drained and joined again within the
// rebalance timeout loses its partitions with their commits.
func (s *scope) finishSource(service string) {
	k := s.source
	k.files = s.files
	k.ClientID = cmp.Or(k.ClientID, service)
	k.HeartbeatInterval = cmp.Or(k.HeartbeatInterval, min(3*time.Second, k.SessionTimeout/4))
	k.ReadTimeout = cmp.Or(k.ReadTimeout, max(30*time.Second, k.DrainTimeout+15*time.Second))
	k.RebalanceTimeout = cmp.Or(k.RebalanceTimeout, max(60*time.Second, k.DrainTimeout+k.ReadTimeout+15*time.Second))
	if s.isWrong(consumerSettings) {
		return
	}
	s.require(s.consumer == "" || k.GroupID != "", groupID, noGroup)
	s.require(k.HeartbeatInterval*3 <= k.SessionTimeout, "KAFKA_HEARTBEAT_INTERVAL",
		"must be at most a third of KAFKA_SESSION_TIMEOUT (%v), or one late heartbeat costs the partitions", k.SessionTimeout)
	s.require(k.DrainTimeout < k.ReadTimeout, "DRAIN_TIMEOUT", "must be less than KAFKA_READ_TIMEOUT (%v)", k.ReadTimeout)
	s.require(k.DrainTimeout+k.ReadTimeout+joinMargin < k.RebalanceTimeout, "KAFKA_REBALANCE_TIMEOUT",
		"must be more than DRAIN_TIMEOUT (%v) + KAFKA_READ_TIMEOUT (%v) + %v, or a slow drain loses the partitions before it commits",
		k.DrainTimeout, k.ReadTimeout, joinMargin)
	s.require(k.FetchMaxWait < k.ReadTimeout, "KAFKA_FETCH_MAX_WAIT", "must be less than KAFKA_READ_TIMEOUT (%v)", k.ReadTimeout)
	s.checkEngine(&k.Engine)
	s.checkPublish(k.Publish)
	k.checkSecurity(s)
}

// What settings are when they are not set, and what they are for, if that is not what it is
// with other sources.
var sourceDefaults, sourceHelp map[string]string
