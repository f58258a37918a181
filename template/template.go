// Package template holds the service that forge renders, as files. The service
// itself is the Go program in the directory service.
package template

import (
	"embed"
	"io/fs"
)

// The patterns leave out what comes to lie there and is not the service's: a
// .env, an editor's files, bin/. Each other directory is embedded, and of the
// files beside main.go those that are named; a test asks git.
//
//go:embed service/[^.b]*/[^._]*
//go:embed service/*.go service/*.tmpl service/Makefile service/Dockerfile
//go:embed service/.dockerignore service/.golangci.yml all:service/.github
var files embed.FS

// FS is the template: the tree of template/service.
var FS = func() fs.FS {
	service, err := fs.Sub(files, "service")
	if err != nil {
		panic(err) // only for a name that is no path
	}
	return service
}()
