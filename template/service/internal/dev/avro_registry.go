//go:build avro

package dev

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
)

// usualRegistry is where -send looks for the Schema Registry.
const usualRegistry = "127.0.0.1:8085"

// registry is a Schema Registry inside this process. It takes every schema: it
// is the service that refuses what does not go with the version before.
type registry struct {
	server *http.Server
	url    string
}

// startRegistry starts a registry on loopback, on the usual port if that is free.
func startRegistry() (*registry, error) {
	listener, err := net.Listen("tcp", usualRegistry) //nolint:noctx // nothing to wait for
	if err != nil {
		listener, err = net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // nothing to wait for
	}
	if err != nil {
		return nil, fmt.Errorf("starting the embedded schema registry: %w", err)
	}
	r := &registry{
		server: &http.Server{Handler: srfake.NewRegistry().Handler(), ReadHeaderTimeout: 5 * time.Second},
		url:    "http://" + listener.Addr().String(),
	}
	go func() { _ = r.server.Serve(listener) }() // until Close
	return r, nil
}

// schemaFormat is what the service's settings say, wherever they are: of all
// settings of the registry this one is for dev too.
func schemaFormat() string {
	cfg, _ := config.Load("") // what else is wrong in it does not matter here
	return cmp.Or(cfg.Registry.SchemaFormat, "avro")
}

// Close ends the registry.
func (r *registry) Close() { _ = r.server.Close() }

// send adds to a command that sends samples where this registry is, unless that
// is the usual place.
func (r *registry) send(command string) string {
	switch {
	case r.url == "http://"+usualRegistry:
		return command
	case command == "make send":
		command = "go run ./dev -send"
	}
	return command + " -registry " + r.url
}
