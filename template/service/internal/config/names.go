package config

import (
	"slices"
	"strings"
)

// kafkaNames are the names that Kafka's own clients, Java's and librdkafka's,
// have for settings of this service. A YAML file and FromMap accept them; a
// number without a unit is milliseconds where theirs is.
var kafkaNames = map[string][]string{
	"KAFKA_BOOTSTRAP_SERVERS": {"bootstrap.servers", "metadata.broker.list"},
	"KAFKA_CLIENT_ID":         {"client.id"},

	"KAFKA_GROUP_ID":           {"group.id"},
	"KAFKA_GROUP_INSTANCE_ID":  {"group.instance.id"},
	"KAFKA_AUTO_OFFSET_RESET":  {"auto.offset.reset"},
	"KAFKA_ENABLE_AUTO_COMMIT": {"enable.auto.commit"},
	"KAFKA_COMMIT_INTERVAL":    {"auto.commit.interval.ms"},
	"KAFKA_REBALANCE_STRATEGY": {"partition.assignment.strategy"},
	"KAFKA_SESSION_TIMEOUT":    {"session.timeout.ms"},
	"KAFKA_HEARTBEAT_INTERVAL": {"heartbeat.interval.ms"},
	"KAFKA_REBALANCE_TIMEOUT":  {"max.poll.interval.ms"}, // what Java's client tells the broker as that
	"KAFKA_MAX_POLL_RECORDS":   {"max.poll.records"},

	"KAFKA_READ_TIMEOUT":     {"request.timeout.ms", "socket.timeout.ms"},
	"KAFKA_ISOLATION_LEVEL":  {"isolation.level"},
	"KAFKA_FETCH_MAX_WAIT":   {"fetch.max.wait.ms", "fetch.wait.max.ms"},
	"KAFKA_METADATA_BACKOFF": {"topic.metadata.refresh.fast.interval.ms"},

	"KAFKA_COMPRESSION_TYPE":        {"compression.type", "compression.codec"},
	"KAFKA_PUBLISH_TIMEOUT":         {"delivery.timeout.ms", "message.timeout.ms"},
	"KAFKA_PUBLISH_BUFFER_BYTES":    {"buffer.memory"},
	"KAFKA_PUBLISH_RETRY_DELAY":     {"retry.backoff.ms"},
	"KAFKA_PUBLISH_RETRY_MAX_DELAY": {"retry.backoff.max.ms"},
	"SCHEMA_REGISTRY_URL":           {"schema.registry.url"},   //forge:if avro
	"SCHEMA_REGISTRY_AUTO_REGISTER": {"auto.register.schemas"}, //forge:if avro

	"KAFKA_SECURITY_PROTOCOL": {"security.protocol"},
	"KAFKA_SASL_MECHANISM":    {"sasl.mechanism", "sasl.mechanisms"},
	"KAFKA_SASL_USERNAME":     {"sasl.username"},
	"KAFKA_SASL_PASSWORD":     {"sasl.password"},
	"KAFKA_SSL_CA":            {"ssl.ca.pem", "ssl.truststore.certificates"},
	"KAFKA_SSL_CA_FILE":       {"ssl.ca.location"},
	"KAFKA_SSL_CERT":          {"ssl.certificate.pem", "ssl.keystore.certificate.chain"},
	"KAFKA_SSL_CERT_FILE":     {"ssl.certificate.location"},
	"KAFKA_SSL_KEY":           {"ssl.key.pem", "ssl.keystore.key"},
	"KAFKA_SSL_KEY_FILE":      {"ssl.key.location"},
}

// millis ends the names of those of Kafka's settings that are milliseconds.
const millis = ".ms"

// find returns the name in the environment of a setting that a YAML file or a
// map calls name.
func (r *reader) find(name string) (string, bool) {
	for variable, names := range kafkaNames {
		if slices.Contains(names, name) {
			return variable, true
		}
	}
	variable := strings.ToUpper(name)
	_, ok := r.known[variable]
	return variable, ok
}

// near returns the name for a YAML file or a map that name is most like, or
// nothing.
func (r *reader) near(name string) string {
	var names []string
	for variable := range r.known {
		names = append(names, strings.ToLower(variable))
	}
	for _, kafka := range kafkaNames {
		names = append(names, kafka...)
	}
	slices.Sort(names)
	return nearest(strings.ToLower(name), append(names, consumersKey))
}

// nearest returns the known name with the fewest edits to name, or nothing
// when more than a third of name would have to change.
func nearest(name string, known []string) string {
	best, distance := "", len(name)/3+1
	for _, k := range known {
		if d := edits(name, k); d < distance {
			best, distance = k, d
		}
	}
	return best
}

// edits returns how many characters must be put in, left out or changed to
// make b from a.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			changed := diagonal
			if a[i] != b[j] {
				changed++
			}
			diagonal = row[j+1]
			row[j+1] = min(changed, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
