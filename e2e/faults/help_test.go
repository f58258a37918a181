package faults

import (
	"bytes"
	"context"
	"os"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/e2e/faults/oracle"
)

type (
	oracleSent = oracle.Sent
	kgoRecord  = kgo.Record
)

// everything reports whether the whole of each experiment is asked for.
func everything() bool { return os.Getenv("FAULTS") == "all" }

// proxied returns the setting that puts the proxies between the service and
// the brokers.
func (tr *trial) proxied() string {
	return "KAFKA_BOOTSTRAP_SERVERS=" + strings.Join(tr.cluster.Proxied(), ",")
}

// kill ends a broker as a power failure would. It is started again at the
// trial's end at the latest.
func (tr *trial) kill(id int) {
	tr.Helper()
	tr.must(tr.cluster.Kill(tr.ctx, id))
	tr.down = append(tr.down, id)
}

// restart starts a killed broker again.
func (tr *trial) restart(id int) {
	tr.Helper()
	tr.down = slices.DeleteFunc(tr.down, func(other int) bool { return other == id })
	tr.must(tr.cluster.Restart(context.WithoutCancel(tr.ctx), id))
}

// doneSoFar returns how many calls all lives have ended.
func (tr *trial) doneSoFar() int {
	tr.Helper()
	n := 0
	for _, p := range tr.processes {
		b, err := os.ReadFile(p.Calls)
		if os.IsNotExist(err) {
			continue
		}
		tr.must(err)
		n += bytes.Count(b, []byte("\nE "))
	}
	return n
}
