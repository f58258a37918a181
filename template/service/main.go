// Command sample-service consumes messages and hands them to the handlers
// in handlers/. On SIGTERM or Ctrl-C it finishes and commits what it has
// begun; a second signal ends it at once.
package main

import (
	"github.com/ouroboros-forge/forge/template/service/app"
	"github.com/ouroboros-forge/forge/template/service/internal/service"
)

func main() { service.Main("sample-service", app.App{}.Build) }
