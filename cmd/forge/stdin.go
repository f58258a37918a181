package main

import (
	"io"
	"io/fs"
	"os"
)

// hasInput reports whether something that can be read at once waits on a stdin
// that is a file or a pipe. It reads nothing and never waits: what is there may
// be meant for another program, as in `while read name; do forge new $name; done`,
// and a pipe that a script inherited may never end.
func hasInput(stdin io.Reader) bool {
	f, ok := stdin.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	switch {
	case err != nil:
		return false
	case info.Mode().IsRegular():
		at, err := f.Seek(0, io.SeekCurrent)
		return err == nil && at < info.Size()
	case info.Mode()&(fs.ModeNamedPipe|fs.ModeSocket) != 0:
		return waiting(f) > 0
	}
	return false
}
