package embedded

import (
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/twmb/franz-go/pkg/sr/srfake"
)

// Registry is a Schema Registry inside this process. It takes every schema: it is
// the service that refuses what is not compatible with the version before.
type Registry struct {
	URL    string
	server *http.Server
}

// StartRegistry starts a registry on loopback, on the port if that is free and
// not 0, else on any.
func StartRegistry(port int) (*Registry, error) {
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)) //nolint:noctx // nothing to wait for
	if err != nil {
		listener, err = net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // nothing to wait for
	}
	if err != nil {
		return nil, fmt.Errorf("starting the embedded schema registry: %w", err)
	}
	r := &Registry{
		URL:    "http://" + listener.Addr().String(),
		server: &http.Server{Handler: srfake.NewRegistry().Handler(), ReadHeaderTimeout: 5 * time.Second},
	}
	go func() { _ = r.server.Serve(listener) }() // until Close
	return r, nil
}

// Close ends the registry.
func (r *Registry) Close() { _ = r.server.Close() }
