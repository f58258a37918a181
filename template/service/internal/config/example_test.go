//go:build !jetstream && !rabbitmq && !share

package config_test

import (
	"fmt"
	"strings"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
)

// Both kinds of names, values of Go, and a setting of the service's own.
func ExampleFromMap() {
	var own struct {
		DatabaseURL config.Secret `env:"DATABASE_URL" validate:"required" help:"where accounts are stored"`
	}
	cfg, err := config.FromMap(map[string]any{
		"bootstrap.servers":  []string{"kafka-1:9092", "kafka-2:9092"},
		"group.id":           "payments",
		"session.timeout.ms": 30_000,
		"max_workers":        10,
		"database_url":       "postgres://db/accounts",
	}, &own)
	fmt.Println(cfg.Source.Brokers, cfg.Source.SessionTimeout, cfg.Source.MaxWorkers, own.DatabaseURL, err)

	_, err = config.FromMap(map[string]string{"group.id": "payments", "max_worker": "10", "session.timeout.ms": "5"}, &own)
	fmt.Println(err)
	// Output:
	// [kafka-1:9092 kafka-2:9092] 30s 10 [redacted] <nil>
	// configuration:
	//   map: max_worker is not a setting; the config command lists those that are
	//   KAFKA_BOOTSTRAP_SERVERS is not set: required: host:port, several separated by commas; a port is 1 to 65535 (brokers to ask first; the others are found from there)
	//   map: session.timeout.ms="5ms": must be a duration such as 500ms or 5s, from 1s to 30m
}

// A service with a second consumer, called audit, which has one worker.
func ExampleConfig_Consumer() {
	cfg, err := config.FromMap(map[string]any{
		"bootstrap.servers": "localhost:9092",
		"group.id":          "payments",
		"max_workers":       10,
		"audit_max_workers": 1,
	}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	audit, err := cfg.Consumer("audit")
	fmt.Println(cfg.Source.GroupID, cfg.Source.MaxWorkers)
	fmt.Println(audit.GroupID, audit.MaxWorkers, err)
	// Output:
	// payments 10
	// payments-audit 1 <nil>
}

// What the service's config command prints, here of a map.
func ExampleConfig_Explain() {
	cfg, err := config.FromMap(map[string]string{
		"bootstrap.servers": "localhost:9092",
		"group.id":          "payments",
		"security.protocol": "SASL_SSL",
		"sasl.username":     "payments",
		"sasl.password":     "hunter2",
	}, nil)
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
