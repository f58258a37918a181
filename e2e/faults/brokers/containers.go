package brokers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// containers runs brokers with the docker command, on the host's network so
// that all find each other under one address.
type containers struct {
	certificates string // the directory
	ports        ports
}

// variable turns a setting's name into that of a variable of the image.
var variable = strings.NewReplacer(".", "_", "_", "__", "-", "___")

const clusterID = "5L6g3nShT-eMCtK--X86sw"

// run starts the broker as the image does, and again without what the image does
// at the first start: not every one takes a disk that is formatted.
const run = `if [ -f /tmp/started ]; then
  exec java $KAFKA_HEAP_OPTS -cp '/opt/kafka/libs/*' kafka.Kafka /opt/kafka/config/server.properties
fi
touch /tmp/started && exec /etc/kafka/docker/run`

func (c *containers) name(id int) string { return fmt.Sprintf("forge-faults-%d-%d", int(c.ports), id) }

func docker(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, "docker", args...).CombinedOutput() // #nosec G204 G702 -- with the image that who runs the test names
	if err != nil {
		return fmt.Errorf("docker %s: %w\n%s", args[0], err, bytes.TrimSpace(out))
	}
	return nil
}

func (c *containers) start(ctx context.Context) error {
	image := os.Getenv("KAFKA_IMAGE")
	if image == "" {
		image = "apache/kafka:4.1.0"
	}
	for id := 1; id <= Count; id++ {
		args := []string{"run", "--detach", "--network", "host", "--name", c.name(id), "--volume", c.certificates + ":" + c.certificates + ":ro", "--env", "CLUSTER_ID=" + clusterID, "--env", "KAFKA_HEAP_OPTS=-Xmx400m"}
		for name, value := range c.settings(id) {
			args = append(args, "--env", "KAFKA_"+strings.ToUpper(variable.Replace(name))+"="+value)
		}
		if err := docker(ctx, append(args, "--entrypoint", "/bin/sh", image, "-c", run)...); err != nil {
			return errors.Join(err, c.stop())
		}
	}
	for id := 1; id <= Count; id++ {
		if err := await(ctx, address(c.ports.broker(id))); err != nil {
			return errors.Join(err, c.stop())
		}
	}
	return nil
}

// settings returns all settings of a broker, by their names in Kafka.
func (c *containers) settings(id int) map[string]string {
	var voters []string
	for n := 1; n <= Count; n++ {
		voters = append(voters, fmt.Sprintf("%d@%s", n, address(c.ports.controller(n))))
	}
	s := map[string]string{
		"process.roles": "broker,controller", "node.id": strconv.Itoa(id),
		"controller.quorum.voters": strings.Join(voters, ","), "controller.listener.names": "CONTROLLER",
		"num.partitions": "6", "default.replication.factor": "3", "min.insync.replicas": "2",
		"offsets.topic.replication.factor": "3", "offsets.topic.num.partitions": "8",
		"transaction.state.log.replication.factor": "3", "transaction.state.log.min.isr": "2",
		"group.initial.rebalance.delay.ms": "0", "group.min.session.timeout.ms": "1000",
	}
	for line := range strings.Lines(extra + secured(c.certificates)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			s[name] = value
		}
	}
	maps.Copy(s, c.ports.listeners(id))
	return s
}

func (c *containers) do(ctx context.Context, verb string, id int) error {
	args := map[string][]string{"kill": {"kill"}, "pause": {"pause"}, "resume": {"unpause"}, "restart": {"start"}}[verb]
	if err := docker(ctx, append(args, c.name(id))...); err != nil || verb != "restart" {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	return await(ctx, address(c.ports.broker(id)))
}

func (c *containers) stop() error {
	var errs []error
	for id := 1; id <= Count; id++ {
		errs = append(errs, docker(context.Background(), "rm", "--force", "--volumes", c.name(id)))
	}
	return errors.Join(append(errs, os.RemoveAll(c.certificates))...)
}
