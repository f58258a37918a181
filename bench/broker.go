package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// startBroker returns the addresses of a broker and what ends it: those that
// BENCH_BROKERS gives, or a broker of its own by the script BENCH_KAFKA_SH.
func startBroker(ctx context.Context, dir string) ([]string, func(), error) {
	if given := os.Getenv("BENCH_BROKERS"); given != "" {
		return strings.Split(given, ","), func() {}, nil
	}
	script := os.Getenv("BENCH_KAFKA_SH")
	if script == "" {
		return nil, nil, errors.New("set BENCH_BROKERS to a broker, or BENCH_KAFKA_SH to a script that starts one")
	}
	run := func(ctx context.Context, verb string) (string, error) {
		cmd := exec.CommandContext(ctx, "bash", script, verb)
		cmd.Env = append(os.Environ(), "KAFKA_RUN_DIR="+filepath.Join(dir, "kafka"))
		if os.Getenv("KAFKA_BASE_PORT") == "" {
			cmd.Env = append(cmd.Env, "KAFKA_BASE_PORT=29190")
		}
		if os.Getenv("KAFKA_VERSION") == "" {
			cmd.Env = append(cmd.Env, "KAFKA_VERSION=4.2.0") // the first with share groups
		}
		cmd.Env = append(cmd.Env, "KAFKA_EXTRA_PROPERTIES=share.coordinator.state.topic.replication.factor=1\nshare.coordinator.state.topic.min.isr=1")
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		return strings.TrimSpace(string(out)), err
	}
	stop := func() { _, _ = run(context.WithoutCancel(ctx), "stop") }
	addresses, err := run(ctx, "start")
	if err != nil {
		stop()
		return nil, nil, fmt.Errorf("start a broker by %s: %w", script, err)
	}
	return strings.Split(addresses, ","), stop, nil
}
