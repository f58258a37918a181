package config_test

import (
	"fmt"
	"strings"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
)

// Both kinds of names, and values of Go.
func ExampleFromMap() {
	cfg, err := config.FromMap(map[string]any{
		"bootstrap.servers":  []string{"kafka-1:9092", "kafka-2:9092"},
		"group.id":           "payments",
		"session.timeout.ms": 30_000,
		"kafka_max_workers":  10,
	})
	fmt.Println(cfg.Kafka.Brokers, cfg.Kafka.SessionTimeout, cfg.Kafka.MaxWorkers, err)

	_, err = config.FromMap(map[string]string{"group.id": "payments", "kafka_max_worker": "10", "session.timeout.ms": "5"})
	fmt.Println(err)
	// Output:
	// [kafka-1:9092 kafka-2:9092] 30s 10 <nil>
	// configuration:
	//   kafka_max_worker is no setting; did you mean kafka_max_workers?
	//   KAFKA_BOOTSTRAP_SERVERS is not set: must be host:port, several separated by commas (an example of all settings is in .env.example)
	//   session.timeout.ms="5": must be a whole number of milliseconds from 1000 to 1800000
}

// A service with a second consumer, called audit, which has one worker.
func ExampleConfig_Consumer() {
	cfg, err := config.FromMap(map[string]any{
		"bootstrap.servers": "localhost:9092",
		"group.id":          "payments",
		"kafka_max_workers": 10,
		"consumers": map[string]any{
			"audit": map[string]any{"kafka_max_workers": 1},
		},
	}, "audit")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, k := range []config.Kafka{cfg.Kafka, cfg.Consumer("audit")} {
		fmt.Println(k.GroupID, k.MaxWorkers)
	}
	// Output:
	// payments 10
	// payments-audit 1
}

// What the service's config command prints, here of a map.
func ExampleConfig_Explain() {
	cfg, err := config.FromMap(map[string]string{
		"bootstrap.servers": "localhost:9092",
		"group.id":          "payments",
		"security.protocol": "SASL_SSL",
		"sasl.username":     "payments",
		"sasl.password":     "hunter2",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	var text strings.Builder
	if err := cfg.Explain(&text); err != nil {
		fmt.Println(err)
	}
	for line := range strings.Lines(text.String()) {
		if strings.HasPrefix(line, "KAFKA_SASL") {
			fmt.Print(line)
		}
	}
	// Output:
	// KAFKA_SASL_MECHANISM=PLAIN                       # default
	// KAFKA_SASL_USERNAME=payments                     # map
	// KAFKA_SASL_PASSWORD=[redacted]                   # map
}
