package service

import (
	"context"

	"github.com/ouroboros-forge/forge/template/service/internal/httpapi"
)

// listenHTTP listens for requests, which are served once the service has started.
func (s *Service) listenHTTP(ctx context.Context) (err error) {
	s.http, err = listenOn(ctx, "HTTP_ADDR", s.b.Config.HTTP.Listen)
	return err
}

// HTTPAddr returns host and port of what is taken over HTTP.
func (s *Service) HTTPAddr() string { return s.http.Addr().String() }

// Posts returns what can be posted.
func (s *Service) Posts() []httpapi.Operation { return s.b.API.Operations() }
