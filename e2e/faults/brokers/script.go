package brokers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// script runs brokers with a script that knows the verbs start, stop, kill,
// pause, resume and restart, and takes KAFKA_RUN_DIR and KAFKA_BASE_PORT.
type script struct {
	path, dir string
	ports     ports
	had       bool // the brokers were there before
}

// complete ends each broker's settings, so that it can be seen that the script
// has written all of them.
const complete = "# complete"

// extra is for experiments in seconds: sessions and elections that take as
// long as in production would make them take hours.
const extra = "unclean.leader.election.enable=false\nlog.cleaner.enable=false\ncontrolled.shutdown.enable=true\n" +
	"broker.session.timeout.ms=6000\nbroker.heartbeat.interval.ms=1000\nauto.create.topics.enable=false\n" +
	"message.max.bytes=1048588\n" + complete

func (s *script) run(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "bash", append([]string{s.path}, args...)...) // #nosec G204 -- the script that who runs the test names
	cmd.Env = append(os.Environ(), "KAFKA_RUN_DIR="+s.dir, "KAFKA_BASE_PORT="+strconv.Itoa(int(s.ports)), "KAFKA_EXTRA_PROPERTIES="+extra)
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

// start starts the brokers. The script gives all of them the same settings, so
// their second listeners are added while it formats their disks.
func (s *script) start(ctx context.Context) error {
	if err := s.look(); err != nil {
		return err
	}
	adding, cancel := context.WithCancel(ctx)
	defer cancel()
	if !s.had {
		for id := 1; id <= Count; id++ {
			go s.addListeners(adding, id)
		}
	}
	if err := s.run(ctx, "start", strconv.Itoa(Count)); err != nil {
		return err
	}
	for id := 1; id <= Count; id++ {
		if reachable(ctx, address(s.ports.proxied(id))) {
			continue
		}
		// It was too fast for us: once more, now that the settings are there.
		for _, verb := range []string{"kill", "restart"} {
			if err := s.do(ctx, verb, id); err != nil {
				return err
			}
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
		if _, err := os.Stat(s.settings(id)); err != nil {
			return fmt.Errorf("%s has some brokers and not all: remove it when it is not in use, or set KAFKA_RUN_DIR and KAFKA_BASE_PORT: %w", s.dir, err)
		}
	}
	s.had = len(nodes) > 0
	return nil
}

func (s *script) settings(id int) string {
	return fmt.Sprintf("%s/node-%d/server.properties", s.dir, id)
}

// addListeners adds to a broker's settings once the script has written them.
// The later of two lines with the same name holds.
func (s *script) addListeners(ctx context.Context, id int) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if b, err := os.ReadFile(s.settings(id)); err == nil && bytes.Contains(b, []byte(complete)) {
			break
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
	var lines strings.Builder
	values := s.ports.listeners(id)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(&lines, "%s=%s\n", name, values[name])
	}
	f, err := os.OpenFile(s.settings(id), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return // start sees that the listener is missing
	}
	_, _ = f.WriteString(lines.String())
	_ = f.Close()
}

func (s *script) do(ctx context.Context, verb string, id int) error {
	err := s.run(ctx, verb, strconv.Itoa(id))
	if err == nil || verb != "restart" {
		return err
	}
	// On a busy machine a broker takes longer than the script waits.
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if late := await(ctx, address(s.ports.broker(id))); late != nil {
		return errors.Join(err, late)
	}
	return nil
}

// stop ends the brokers, those too that an experiment left frozen.
func (s *script) stop() error {
	if s.had {
		return nil
	}
	return s.run(context.Background(), "stop")
}
