package brokers

import (
	"context"
	"fmt"
	"strings"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// proxies are what stands between the service and each broker.
type proxies struct {
	server *toxiproxy.ApiServer
	list   []*toxiproxy.Proxy
}

func startProxies(p ports) (*proxies, error) {
	all := &proxies{server: toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())}
	for id := 1; id <= Count; id++ {
		for listen, upstream := range map[int]int{p.proxy(id): p.proxied(id), p.secureProxy(id): p.secure(id)} {
			proxy := toxiproxy.NewProxy(all.server, fmt.Sprint("broker-", upstream), address(listen), address(upstream))
			if err := proxy.Start(); err != nil {
				all.stop()
				return nil, fmt.Errorf("proxy of broker %d: %w", id, err)
			}
			all.list = append(all.list, proxy)
		}
	}
	return all, nil
}

func (p *proxies) stop() {
	for _, proxy := range p.list {
		proxy.Stop()
	}
}

// Cut closes the connections to all brokers and refuses new ones, until Join.
func (c *Cluster) Cut() { c.proxies.stop() }

// Join lets connections through again.
func (c *Cluster) Join() error {
	for _, proxy := range c.proxies.list {
		if err := proxy.Start(); err != nil {
			return err
		}
	}
	return nil
}

// Disturb puts a toxic, given in toxiproxy's JSON, into the connections to all
// brokers, the present ones too.
func (c *Cluster) Disturb(toxic string) error {
	for _, proxy := range c.proxies.list {
		if _, err := proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
			return fmt.Errorf("%s: %w", toxic, err)
		}
	}
	return nil
}

// RemoveToxics removes all toxics.
func (c *Cluster) RemoveToxics(ctx context.Context) {
	for _, proxy := range c.proxies.list {
		proxy.Toxics.ResetToxics(ctx)
	}
}
