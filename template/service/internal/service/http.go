package service

import (
	"context"
	"fmt"
	"net"

	"github.com/ouroboros-forge/forge/template/service/internal/httpapi"
)

// listenHTTP listens for requests, which are served once the service has started.
func (s *Service) listenHTTP(ctx context.Context) (err error) {
	addr := s.b.Config.HTTP.Listen
	if s.http, err = new(net.ListenConfig).Listen(ctx, "tcp", addr); err != nil {
		return fmt.Errorf("HTTP_ADDR=%q: %w", addr, err)
	}
	return nil
}

// HTTPAddr returns host and port of what is taken over HTTP.
func (s *Service) HTTPAddr() string { return s.http.Addr().String() }

// Posts returns what can be posted.
func (s *Service) Posts() []httpapi.Operation { return s.b.API.Operations() }
