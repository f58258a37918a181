//go:build jetstream

package config

import "slices"

// Source is where messages come from, and where events go.
type Source = JetStream

const (
	sourcePrefix = "JETSTREAM_" // begins the names of settings that no other program has
	groupID      = "JETSTREAM_GROUP"
	noGroup      = "a consumer needs a group; instances with the same group split the partitions"
)

// finishSource sets what follows other settings where it is not set, and refuses
// settings that do not fit together.
func (s *scope) finishSource(service string) {
	j := s.source
	j.files, j.Client = s.files, service
	if s.isWrong(consumerSettings) {
		return
	}
	s.require(s.consumer == "" || j.GroupID != "", groupID, noGroup)
	s.checkEngine(&j.Engine)
	s.checkPublish(j.Publish)
	ways := 0
	for _, way := range []bool{j.User != "", j.Token != "", j.Credentials != ""} {
		if way {
			ways++
		}
	}
	s.require(ways <= 1, "NATS_USER", "is one of three ways to say who the service is, of which one is set: NATS_USER, NATS_TOKEN and NATS_CREDENTIALS")
	s.require(j.Password == "" || j.User != "", "NATS_USER", "must be set with NATS_PASSWORD")
	for _, c := range []struct{ name, value string }{{"NATS_CA", j.CA}, {"NATS_CERT", j.Cert}, {"NATS_KEY", string(j.Key)}} {
		s.require(j.TLS() || c.value == "", c.name, "is not used without tls:// in NATS_URL")
	}
	s.require((j.Key == "") == (j.Cert == ""), "NATS_CERT", "and NATS_KEY must both be set, or none of them")
}

// isRival reports whether both consumers would take the messages of one durable consumer.
func (j JetStream) isRival(other JetStream) bool {
	return j.GroupID != "" && j.GroupID == other.GroupID && slices.Equal(j.URLs, other.URLs)
}

// What settings are when they are not set, and what they are for, if that is not what it is
// with other sources.
var (
	sourceDefaults map[string]string
	sourceHelp     = map[string]string{
		"COMMIT_INTERVAL":  "time between two questions whether the server has the acknowledgements, which go out as messages are done",
		"MAX_BUFFER_BYTES": "bytes of all partitions held in memory before fetching pauses",
	}
)
