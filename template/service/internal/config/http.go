package config

import "time"

// HTTP holds the settings of the web service.
type HTTP struct {
	Listen         string        `env:"HTTP_ADDR" envDefault:":8081" validate:"listen" help:"where requests are served"`
	RequestTimeout time.Duration `env:"HTTP_REQUEST_TIMEOUT" envDefault:"10s" validate:"min=10ms,max=5m" help:"time for a request to be read and published; then it is answered with 503"`
	MaxBodyBytes   int64         `env:"HTTP_MAX_BODY_BYTES" envDefault:"1048576" validate:"min=1,max=104857600" help:"bytes of a request's body; more are answered with 413"`
	MaxRequests    int           `env:"HTTP_MAX_REQUESTS" envDefault:"256" validate:"min=1,max=100000" help:"requests served at once; more are answered with 503"`
}
