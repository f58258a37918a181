package service

import "github.com/ouroboros-forge/forge/template/service/internal/httpapi"

// HTTPAddr returns host and port of what is taken over HTTP.
func (s *Service) HTTPAddr() string { return s.http.Addr().String() }

// Posts returns what can be posted.
func (s *Service) Posts() []httpapi.Operation { return s.b.API.Operations() }
