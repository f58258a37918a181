package image

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/ouroboros-forge/forge/e2e/generated"
	"github.com/ouroboros-forge/forge/e2e/outside"
)

// docker runs it and returns what it printed to stdout.
func docker(t *testing.T, args ...string) string {
	t.Helper()
	return strings.TrimSpace(generated.Do(t, ".", "docker", args...))
}

func inspect(t *testing.T, what, format string) string {
	t.Helper()
	return docker(t, "inspect", "--format", format, what)
}

// bases has the images here that a Dockerfile begins with.
func bases(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: builds an image")
	}
	if out, err := exec.CommandContext(t.Context(), "docker", "info").CombinedOutput(); err != nil {
		generated.Missing(t, "no Docker answers: %s", out)
	}
	if out, err := exec.CommandContext(t.Context(), "./bases.sh").CombinedOutput(); err != nil {
		generated.Missing(t, "there is nothing to build an image on: %s", out)
	}
}

// image is what the tests call the image that they build.
const image = "forge-test/service"

// compose is a service's compose.yaml, as far as the tests read it.
type compose struct {
	Services struct {
		Kafka   composed
		Service composed
	}
}

type composed struct {
	Image       string
	Environment map[string]string
	Grace       string `yaml:"stop_grace_period"`
}

func readCompose(t *testing.T, dir string) compose {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var c compose
	if err := yaml.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// kafka is a broker in a container, with a network that containers share.
type kafka struct {
	compose compose
	network string
	client  *outside.Client
}

// startKafka starts the broker of compose.yaml. The port for programs on this machine is
// another one, because that of compose.yaml may be in use.
func startKafka(t *testing.T, c compose) *kafka {
	t.Helper()
	broker := cmp.Or(os.Getenv("KAFKA_IMAGE"), c.Services.Kafka.Image)
	address := "localhost:" + freePort(t)
	k := &kafka{compose: c, network: docker(t, "network", "create", fmt.Sprintf("forge-image-%d", os.Getpid()))}
	t.Cleanup(func() { docker(t, "network", "rm", k.network) })
	settings := c.Services.Kafka.Environment
	settings["KAFKA_ADVERTISED_LISTENERS"] = strings.Replace(settings["KAFKA_ADVERTISED_LISTENERS"], "localhost:9092", address, 1)
	container := run(t, k.network, settings, "--network-alias", "kafka", "--publish", strings.Replace(address, "localhost", "127.0.0.1", 1)+":9092", broker)
	awaitLog(t, container, "Kafka Server started", 1)
	client, err := outside.Dial(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	k.client = client
	return k
}

func (k *kafka) createTopics(t *testing.T, topics ...string) {
	t.Helper()
	if err := k.client.CreateTopics(t.Context(), 6, topics...); err != nil {
		t.Fatal(err)
	}
}

// sendOn sends the samples again and again until what it returns is called, which returns
// all that were sent.
func (k *kafka) sendOn(t *testing.T, samples []outside.Sample) (stop func() []outside.Sent) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	samples = slices.Repeat(samples, 20)
	var all []outside.Sent
	var err error
	var done sync.WaitGroup
	done.Go(func() {
		for ctx.Err() == nil && err == nil {
			var sent []outside.Sent
			sent, err = k.client.Send(t.Context(), samples)
			all = append(all, sent...)
		}
	})
	return func() []outside.Sent {
		cancel()
		if done.Wait(); err != nil {
			t.Fatal(err)
		}
		return all
	}
}

// check waits until each message has met its fate, and is committed.
func (k *kafka) check(t *testing.T, sent []outside.Sent) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := k.client.Check(ctx, k.compose.Services.Service.Environment["KAFKA_GROUP_ID"], sent); err != nil {
		t.Error(err)
	}
}

// run starts a container that is gone after the test, and returns its id.
func run(t *testing.T, network string, env map[string]string, args ...string) string {
	t.Helper()
	options := []string{"run", "--detach", "--network", network}
	for name, value := range env {
		options = append(options, "--env", name+"="+value)
	}
	id := docker(t, append(options, args...)...)
	t.Cleanup(func() {
		if t.Failed() {
			text := logs(t, id)
			t.Logf("the end of a container's log:\n%s", text[max(0, len(text)-4000):])
		}
		docker(t, "rm", "--force", "--volumes", id)
	})
	return id
}

// logs returns what a container has written.
func logs(t *testing.T, container string) string {
	t.Helper()
	return generated.Do(t, ".", "sh", "-ec", "docker logs "+container+" 2>&1")
}

// awaitLog returns when n lines of a container's log have the text.
func awaitLog(t *testing.T, container, text string, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "docker", "logs", "--follow", container)
	out, err := cmd.StdoutPipe()
	cmd.Stderr = cmd.Stdout
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for lines := bufio.NewScanner(out); found < n && lines.Scan(); {
		if strings.Contains(lines.Text(), text) {
			found++
		}
	}
	cancel()
	if _ = cmd.Wait(); found < n { // it was ended here, or the container has
		t.Fatalf("%q is %d times in the log of a container that ended, or took %v, want %d", text, found, patience, n)
	}
}

// freePort returns a port that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
