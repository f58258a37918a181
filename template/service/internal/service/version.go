package service

import (
	"cmp"
	"fmt"
	"runtime/debug"
)

// release is the version that a build without .git is given, by -ldflags -X.
var release string

// version says what the binary was built from, as far as Go has noted it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	text, changed := cmp.Or(release, info.Main.Version), ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			text += " " + s.Value
		case s.Key == "vcs.time":
			text += " of " + s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = ", with changes that are not committed"
		}
	}
	return fmt.Sprintf("%s%s, %s", text, changed, info.GoVersion)
}
