// Command dev runs the service apart from others: on an embedded broker, or with queues of
// its own where a broker has to be there. It sends the messages of dev/samples and prints
// what becomes of each. What .env and the environment say of the broker's connection and
// of the group's name (here it is dev) is not for it, nor are the times and addresses
// that would make it slow or need ports of their own; OPS_ADDR and LOG_LEVEL of the
// environment are. Other settings are those of production.
//
//	go run ./dev          run until Ctrl-C
//	go run ./dev -once    end when all samples are done; exit 1 if one ended otherwise than expected
//	go run ./dev -send    send the samples again, to this or any other broker
package main

import (
	"embed"

	"github.com/ouroboros-forge/forge/template/service/app"
	"github.com/ouroboros-forge/forge/template/service/internal/dev"
)

//go:embed samples/*.json
var samples embed.FS

func main() { dev.Main("sample-service", app.App{}.Build, samples) }
