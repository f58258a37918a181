package dev

import (
	"fmt"
	"net"
	"strings"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/httpapi"
	"github.com/ouroboros-forge/forge/template/service/internal/samples"
	"github.com/ouroboros-forge/forge/template/service/internal/service"
)

// httpAddr is the address at which the docs say that requests are served, or any
// other where that is taken.
func httpAddr() string {
	const usual = "127.0.0.1:8081"
	listener, err := net.Listen("tcp", usual) //nolint:noctx // nothing to wait for
	if err != nil {
		return "127.0.0.1:0"
	}
	_ = listener.Close()
	return usual
}

// paths says what can be posted where.
func paths(addr string, posts []httpapi.Operation) string {
	all := []string{"http://" + addr}
	for _, op := range posts {
		all = append(all, "POST "+op.Path)
	}
	return strings.Join(all, " · ")
}

// invite prints how to post a message, unless err says that something is wrong.
func (r *report) invite(err error, s *service.Service, all []samples.Sample) {
	if command := curl(s.HTTPAddr(), s.Posts(), all); err == nil && command != "" {
		r.say("\npost a message %s\n", command)
	}
}

// curl returns a command that posts the body of a sample to the path of its
// topic, or nothing when no path is for one that is handled.
func curl(addr string, posts []httpapi.Operation, all []samples.Sample) string {
	for _, op := range posts {
		for _, sample := range all {
			body, ok := sample.Posted()
			if ok && sample.Topic == op.Topic && sample.Expect == samples.NameOf(engine.Handled) {
				body = strings.ReplaceAll(body, "'", `'\''`)
				return fmt.Sprintf("curl --json '%s' 'http://%s%s'", body, addr, op.Path)
			}
		}
	}
	return ""
}
