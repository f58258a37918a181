package config

import (
	"maps"
	"slices"
	"strings"
)

// kafkaNames are the names that Kafka's own clients, Java's and librdkafka's,
// have for settings of this service. A YAML file and FromMap accept them; a
// number without a unit is milliseconds where the name ends in .ms.
var kafkaNames = map[string]string{
	"bootstrap.servers":    "KAFKA_BOOTSTRAP_SERVERS",
	"metadata.broker.list": "KAFKA_BOOTSTRAP_SERVERS",
	"client.id":            "KAFKA_CLIENT_ID",

	"group.id":                      "KAFKA_GROUP_ID",
	"group.instance.id":             "KAFKA_GROUP_INSTANCE_ID",
	"auto.offset.reset":             "KAFKA_AUTO_OFFSET_RESET",
	"enable.auto.commit":            "KAFKA_ENABLE_AUTO_COMMIT",
	"auto.commit.interval.ms":       "KAFKA_COMMIT_INTERVAL",
	"partition.assignment.strategy": "KAFKA_REBALANCE_STRATEGY",
	"session.timeout.ms":            "KAFKA_SESSION_TIMEOUT",
	"heartbeat.interval.ms":         "KAFKA_HEARTBEAT_INTERVAL",
	"max.poll.interval.ms":          "KAFKA_REBALANCE_TIMEOUT", // what Java's client tells the broker as that
	"max.poll.records":              "KAFKA_MAX_POLL_RECORDS",
	"request.timeout.ms":            "KAFKA_READ_TIMEOUT",
	"socket.timeout.ms":             "KAFKA_READ_TIMEOUT",
	"isolation.level":               "KAFKA_ISOLATION_LEVEL",
	"fetch.max.wait.ms":             "KAFKA_FETCH_MAX_WAIT",
	"fetch.wait.max.ms":             "KAFKA_FETCH_MAX_WAIT",

	"compression.type":      "KAFKA_COMPRESSION_TYPE",
	"compression.codec":     "KAFKA_COMPRESSION_TYPE",
	"delivery.timeout.ms":   "KAFKA_PUBLISH_TIMEOUT",
	"message.timeout.ms":    "KAFKA_PUBLISH_TIMEOUT",
	"retry.backoff.ms":      "KAFKA_PUBLISH_RETRY_DELAY",
	"retry.backoff.max.ms":  "KAFKA_PUBLISH_RETRY_MAX_DELAY",
	"schema.registry.url":   "SCHEMA_REGISTRY_URL",           //forge:if avro
	"auto.register.schemas": "SCHEMA_REGISTRY_AUTO_REGISTER", //forge:if avro

	"security.protocol":              "KAFKA_SECURITY_PROTOCOL",
	"sasl.mechanism":                 "KAFKA_SASL_MECHANISM",
	"sasl.mechanisms":                "KAFKA_SASL_MECHANISM",
	"sasl.username":                  "KAFKA_SASL_USERNAME",
	"sasl.password":                  "KAFKA_SASL_PASSWORD",
	"ssl.ca.pem":                     "KAFKA_SSL_CA",
	"ssl.truststore.certificates":    "KAFKA_SSL_CA",
	"ssl.ca.location":                "KAFKA_SSL_CA_FILE",
	"ssl.certificate.pem":            "KAFKA_SSL_CERT",
	"ssl.keystore.certificate.chain": "KAFKA_SSL_CERT",
	"ssl.certificate.location":       "KAFKA_SSL_CERT_FILE",
	"ssl.key.pem":                    "KAFKA_SSL_KEY",
	"ssl.keystore.key":               "KAFKA_SSL_KEY",
	"ssl.key.location":               "KAFKA_SSL_KEY_FILE",
}

// variableOf returns the name in the environment of what a YAML file or a map
// calls name.
func variableOf(name string) string {
	if variable, ok := kafkaNames[name]; ok {
		return variable
	}
	return strings.ToUpper(name)
}

// names returns the names for a YAML file or a map.
func (l *loader) names() []string {
	names := append(slices.Collect(maps.Keys(kafkaNames)), consumersKey)
	for _, f := range l.known {
		names = append(names, strings.ToLower(f.Name))
	}
	return slices.Sorted(slices.Values(names))
}

// unknown adds a name that is no setting, with the known name that is nearest.
func (l *loader) unknown(v value, name string, known []string) {
	l.note("%s is not a setting%s", v.at(), didYouMean(nearest(name, known)))
}

func didYouMean(name string) string {
	if name == "" {
		return ""
	}
	return "; did you mean " + name + "?"
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
