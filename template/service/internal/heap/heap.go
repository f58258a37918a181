// Package heap spares a service with a small heap most of its garbage
// collections.
package heap

import (
	"math"
	"os"
	"runtime/debug"
)

// size is how much more garbage there may be before it is collected.
const size = 32 << 20

// ballast is written by nobody, so the system never gives memory for it.
var ballast []byte

// Reserve makes the collector count size bytes as in use that are not. It starts
// whenever there is as much garbage as memory in use, so a consumer that uses a
// few megabytes and throws away hundreds of them a second would be collected
// sixty times a second, for a tenth of its CPU. A large heap hardly notices it.
//
// Reserve does nothing where the environment has GOGC or GOMEMLIMIT: whoever set
// them wants the collector to work by them alone.
func Reserve() {
	if os.Getenv("GOGC") == "" && debug.SetMemoryLimit(-1) == math.MaxInt64 {
		ballast = make([]byte, size)
	}
}
