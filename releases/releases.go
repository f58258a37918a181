// Package releases holds the released templates, as files: what each release
// says of itself, and one store with the files of all. Package release reads
// them.
package releases

import "embed"

// FS has the store and, for each release, VERSION.yaml; next.yaml is what is
// declared for the release after the last one.
//
//go:embed *.yaml store.gz
var FS embed.FS
