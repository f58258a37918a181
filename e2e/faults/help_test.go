package faults

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ouroboros-forge/forge/e2e/faults/brokers"
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

// shortly returns a context that ends within the time, and with the trial.
func (tr *trial) shortly(within time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(tr.ctx, within)
	tr.Cleanup(cancel)
	return ctx
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

// known waits until each broker knows so many partitions of the trial's topic.
func (tr *trial) known(partitions int) {
	tr.Helper()
	for id := range int32(brokers.Count) {
		tr.eventually(30*time.Second, func() error {
			request := kmsg.NewPtrMetadataRequest()
			topic := kmsg.NewMetadataRequestTopic()
			topic.Topic = &tr.topic
			request.Topics = append(request.Topics, topic)
			response, err := tr.observer.Client.Broker(int(id)+1).Request(tr.shortly(5*time.Second), request)
			if err != nil {
				return err
			}
			if m, ok := response.(*kmsg.MetadataResponse); !ok || len(m.Topics) != 1 || len(m.Topics[0].Partitions) != partitions {
				return fmt.Errorf("broker %d does not know %d partitions", id+1, partitions)
			}
			return nil
		})
	}
}
