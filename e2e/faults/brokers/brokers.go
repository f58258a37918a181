// Package brokers runs the Kafka that the experiments break: three real brokers,
// started by a script or in containers. Each has three addresses: one for those
// who watch, and two for the service, one of them for who has a certificate and a
// password, each with a proxy between that can break the network.
package brokers

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// Count is how many brokers there are. Their ids are 1 to Count.
const Count = 3

// runner is a way to run brokers.
type runner interface {
	start(ctx context.Context) error
	do(ctx context.Context, verb string, id int) error // kill, pause, resume, restart
	stop() error
}

// Cluster is a running set of brokers.
type Cluster struct {
	// Authority signs the certificates that the brokers know.
	Authority *Authority

	runner  runner
	ports   ports
	proxies *proxies
}

// ports lays out the ports from a base on, as e2e/kafka/kafka.sh does.
type ports int

func (p ports) broker(id int) int     { return int(p) + id }
func (p ports) controller(id int) int { return int(p) + 10 + id }
func (p ports) proxy(id int) int      { return int(p) + 20 + id }
func (p ports) proxied(id int) int    { return int(p) + 30 + id }

// secureProxy and secure are the same for who has a certificate.
func (p ports) secureProxy(id int) int { return int(p) + 40 + id }
func (p ports) secure(id int) int      { return int(p) + 50 + id }

func address(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }

// defaultBase lies away from what other tests use, and below the ports that the
// system hands out: whoever got a killed broker's would keep it from coming back.
const defaultBase = 28190

// Start runs three brokers, by the script that FAULTS_KAFKA_SH names, or else
// as containers of KAFKA_IMAGE. With KAFKA_BASE_PORT they have other ports, with
// KAFKA_RUN_DIR another directory; what runs there already is taken as it is.
func Start(ctx context.Context) (*Cluster, error) {
	base := defaultBase
	if s := os.Getenv("KAFKA_BASE_PORT"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			return nil, fmt.Errorf("KAFKA_BASE_PORT: %w", err)
		}
		base = n
	}
	c := &Cluster{ports: ports(base)}
	dir := os.Getenv("KAFKA_RUN_DIR")
	if dir == "" {
		dir = fmt.Sprintf("%s/forge-faults-%d", os.TempDir(), base)
	}
	certificates := dir + "-certificates"
	var err error
	if c.Authority, err = openAuthority(certificates); err != nil {
		return nil, err
	}
	if path := os.Getenv("FAULTS_KAFKA_SH"); path != "" {
		c.runner = &script{path: path, dir: dir, certificates: certificates, ports: c.ports}
	} else {
		c.runner = &containers{certificates: certificates, ports: c.ports}
	}
	if err := c.runner.start(ctx); err != nil {
		return nil, err
	}
	c.proxies, err = startProxies(c.ports)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Stop ends the brokers and forgets their data, unless FAULTS_KEEP is set.
func (c *Cluster) Stop() error {
	c.proxies.stop()
	if os.Getenv("FAULTS_KEEP") != "" {
		return nil
	}
	return c.runner.stop()
}

// Direct returns the brokers' addresses for those who watch.
func (c *Cluster) Direct() []string { return c.each(c.ports.broker) }

// Proxied returns the brokers' addresses behind the proxies.
func (c *Cluster) Proxied() []string { return c.each(c.ports.proxy) }

// Secure returns the brokers' addresses for who has a certificate and a password,
// behind proxies too, or none if the brokers do not listen there.
func (c *Cluster) Secure(ctx context.Context) []string {
	if !reachable(ctx, address(c.ports.secure(1))) {
		return nil
	}
	return c.each(c.ports.secureProxy)
}

func (c *Cluster) each(port func(int) int) []string {
	var list []string
	for id := 1; id <= Count; id++ {
		list = append(list, address(port(id)))
	}
	return list
}

// Dir returns the directory of a broker's data, empty where it is not to be
// seen from here.
func (c *Cluster) Dir(id int) string {
	if s, ok := c.runner.(*script); ok {
		return fmt.Sprintf("%s/node-%d/data", s.dir, id)
	}
	return ""
}

// Kill ends a broker as a power failure would.
func (c *Cluster) Kill(ctx context.Context, id int) error { return c.runner.do(ctx, "kill", id) }

// Pause freezes a broker: its connections stay open and say nothing.
func (c *Cluster) Pause(ctx context.Context, id int) error { return c.runner.do(ctx, "pause", id) }

// Resume lets a frozen broker go on.
func (c *Cluster) Resume(ctx context.Context, id int) error { return c.runner.do(ctx, "resume", id) }

// Restart starts a killed broker on its old data.
func (c *Cluster) Restart(ctx context.Context, id int) error { return c.runner.do(ctx, "restart", id) }

// listeners returns a broker's settings for addresses of its own for the
// service, which it tells to be the proxies'.
func (p ports) listeners(id int) map[string]string {
	listen := func(name string, port int) string { return name + "://" + address(port) }
	return map[string]string{
		"listeners": strings.Join([]string{
			listen("PLAINTEXT", p.broker(id)), listen("CONTROLLER", p.controller(id)), listen("PROXIED", p.proxied(id)), listen("SECURE", p.secure(id)),
		}, ","),
		"advertised.listeners":           listen("PLAINTEXT", p.broker(id)) + "," + listen("PROXIED", p.proxy(id)) + "," + listen("SECURE", p.secureProxy(id)),
		"listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,SECURE:SASL_SSL",
		"inter.broker.listener.name":     "PLAINTEXT",
	}
}

// await waits until a server listens at the address.
func await(ctx context.Context, address string) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if reachable(ctx, address) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no server listens at %s: %w", address, ctx.Err())
		case <-tick.C:
		}
	}
}

func reachable(ctx context.Context, address string) bool {
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", address)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}
