// Package template holds the service that forge renders, as files. The service
// itself is the Go program in the directory service.
package template

import (
	"embed"
	"io/fs"
)

// The patterns name what belongs to the service, so that what else comes to lie
// there (a .env, a built binary) is not embedded; a test asks git.
//
//go:embed service/*.go service/*.tmpl service/Makefile service/Dockerfile
//go:embed service/.dockerignore service/.golangci.yml all:service/.github
//go:embed service/handlers service/models service/internal service/dev service/e2e service/web
var files embed.FS

// FS is the template: the tree of template/service.
var FS = func() fs.FS {
	service, err := fs.Sub(files, "service")
	if err != nil {
		panic(err) // only for a name that is no path
	}
	return service
}()
