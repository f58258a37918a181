//go:build !share

package config

// sourceDefaults are what settings are with this source when they are not set, if that is
// not what they are with others.
var sourceDefaults map[string]string
