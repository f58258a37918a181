package brokers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// script runs brokers with a script that knows what e2e/kafka/kafka.sh does.
type script struct {
	path, dir    string
	certificates string // the directory
	ports        ports
	had          bool // the brokers were there before
}

// extra is for experiments in seconds: sessions and elections that take as
// long as in production would make them take hours.
const extra = "unclean.leader.election.enable=false\nlog.cleaner.enable=false\ncontrolled.shutdown.enable=true\n" +
	"broker.session.timeout.ms=6000\nbroker.heartbeat.interval.ms=1000\nauto.create.topics.enable=false\n" +
	"message.max.bytes=1048588\n"

func (s *script) run(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "bash", append([]string{s.path}, args...)...) // #nosec G204 -- the script that who runs the test names
	cmd.Env = append(os.Environ(), "KAFKA_RUN_DIR="+s.dir, "KAFKA_BASE_PORT="+strconv.Itoa(int(s.ports)),
		"KAFKA_PROXIED=yes", "KAFKA_SECURE=yes", "KAFKA_EXTRA_PROPERTIES="+extra+secured(s.certificates))
	if os.Getenv("KAFKA_HEAP") == "" {
		cmd.Env = append(cmd.Env, "KAFKA_HEAP=400m")
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", s.path, strings.Join(args, " "), err, out.Bytes())
	}
	return nil
}

// start starts the brokers, unless they are there.
func (s *script) start(ctx context.Context) error {
	if err := s.look(); err != nil {
		return err
	}
	if err := s.run(ctx, "start", strconv.Itoa(Count)); err != nil {
		return err
	}
	for id := 1; id <= Count; id++ {
		// The listeners of a broker begin one after the other.
		short, cancel := context.WithTimeout(ctx, 20*time.Second)
		err := await(short, address(s.ports.proxied(id)))
		cancel()
		if err != nil {
			return errors.Join(fmt.Errorf("%s: broker %d does not listen as KAFKA_PROXIED asks: %w", s.path, id, err), s.stop())
		}
	}
	return nil
}

// look sees whether the brokers are there already. What another run left half
// is not touched: it may still be in use.
func (s *script) look() error {
	nodes, err := filepath.Glob(s.dir + "/node-*")
	if err != nil {
		return err
	}
	for id := 1; id <= Count && len(nodes) > 0; id++ {
		if _, err := os.Stat(fmt.Sprintf("%s/node-%d/server.properties", s.dir, id)); err != nil {
			return fmt.Errorf("%s has some brokers and not all: remove it when nobody uses it, or set KAFKA_RUN_DIR and KAFKA_BASE_PORT: %w", s.dir, err)
		}
	}
	s.had = len(nodes) > 0
	return nil
}

func (s *script) do(ctx context.Context, verb string, id int) error {
	return s.run(ctx, verb, strconv.Itoa(id))
}

// stop ends the brokers, those too that an experiment left frozen.
func (s *script) stop() error {
	if s.had {
		return nil
	}
	return errors.Join(s.run(context.Background(), "stop"), os.RemoveAll(s.certificates))
}
