//go:build http

package dev

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"

	"github.com/ouroboros-forge/forge/template/service/dev/samples"
	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/httpapi"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/web"
)

// usualDoor is where the README says that requests are served.
const usualDoor = "127.0.0.1:8081"

// door is the service's side for HTTP.
type door struct {
	*httpapi.API
	listener net.Listener
}

// openDoor listens on the usual port if that is free.
func openDoor(ctx context.Context, cfg config.Config, publisher message.Publisher, log *slog.Logger) (*door, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", usualDoor)
	if err != nil {
		listener, err = new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	}
	if err != nil {
		return nil, err
	}
	api := httpapi.New(cfg, log)
	web.Register(api, web.Deps{Log: log, Publisher: publisher})
	return &door{API: api, listener: listener}, nil
}

func (d *door) run(ctx context.Context) error { return d.ServeOn(ctx, d.listener) }

// paths is what can be posted where.
func (d *door) paths() string {
	paths := []string{"http://" + d.listener.Addr().String()}
	for _, op := range d.Operations() {
		paths = append(paths, "POST "+op.Path)
	}
	return strings.Join(paths, " · ")
}

// curl is a command that posts a sample's body to the path of its topic, or
// nothing when no path is for one that is handled.
func (d *door) curl(all []samples.Sample) string {
	for _, op := range d.Operations() {
		for _, sample := range all {
			body, ok := sample.Posted()
			if ok && sample.Topic == op.Topic && sample.Expect == samples.Handled {
				body = strings.ReplaceAll(body, "'", `'\''`)
				return fmt.Sprintf("curl --json '%s' 'http://%s%s'", body, d.listener.Addr(), op.Path)
			}
		}
	}
	return ""
}

// invite prints how to post a message, which its line then shows the fate of.
func (d *door) invite(r *report) {
	all, err := samples.Load()
	if err != nil {
		return // this ran before, and told
	}
	if command := d.curl(all); command != "" {
		r.mu.Lock()
		defer r.mu.Unlock()
		fmt.Fprintf(r.w, "\npost a message              %s\n", command)
	}
}
