package kafka

import (
	"flag"
	"os"
	"testing"
)

// TestMain has more tests run beside each other than there are processors: they wait
// for brokers, and hardly compute.
func TestMain(m *testing.M) {
	flag.Parse()
	if parallel := flag.Lookup("test.parallel"); parallel.Value.String() == parallel.DefValue {
		_ = flag.Set("test.parallel", "8")
	}
	os.Exit(m.Run())
}
