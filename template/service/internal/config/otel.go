package config

import (
	"os"
	"slices"
	"strings"
)

// ExportOTel puts what .env says of OpenTelemetry's settings, OTEL_…, into the
// environment, which is where its SDK reads them, unless they are there already.
func (c Config) ExportOTel() {
	c.loader.unread = slices.DeleteFunc(c.loader.unread, func(e entry) bool {
		if !isDotEnv(e) || !strings.HasPrefix(e.name, "OTEL_") {
			return false
		}
		if os.Getenv(e.name) == "" {
			_ = os.Setenv(e.name, e.text) // fails only for a name that .env cannot have
		}
		return true
	})
}
