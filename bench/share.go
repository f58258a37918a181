package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// share compares the service's source with bare franz-go as a member of a share group.
func (b *bench) share(ctx context.Context) error {
	service, err := b.buildSource(ctx, "kafka-share")
	if err != nil {
		return err
	}
	t := newSourceTable("share group")
	for _, of := range []struct {
		handler  string
		messages int
		env      []string
	}{{"trivial", trivially, nil}, {"5 ms, 100 at once", slowly, slow}} {
		name, err := b.fill(ctx, topic{of.messages, 1_000, sourcePartitions})
		if err != nil {
			return err
		}
		sides := []side{
			{of.handler + ": bare franz-go", job{name: "share", topic: name, messages: of.messages, env: of.env}},
			{of.handler + ": **forge**", job{name: "forge-share", topic: name, messages: of.messages, env: of.env, binary: service}},
		}
		if err := b.beside(ctx, t, sides, b.fromTheStart, b.accepted); err != nil {
			return err
		}
	}
	return b.publish("kafka-share", t.String()+b.weather())
}

// fromTheStart lets a share group begin with what is there.
func (b *bench) fromTheStart(ctx context.Context, j job) error {
	earliest := "earliest"
	request, group := kmsg.NewPtrIncrementalAlterConfigsRequest(), kmsg.NewIncrementalAlterConfigsRequestResource()
	group.ResourceType, group.ResourceName = kmsg.ConfigResourceTypeGroupConfig, j.group
	reset := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	reset.Name, reset.Value = "share.auto.offset.reset", &earliest
	group.Configs = append(group.Configs, reset)
	request.Resources = append(request.Resources, group)
	response, err := request.RequestWith(ctx, b.client)
	if err != nil {
		return err
	}
	for _, r := range response.Resources {
		err = errors.Join(err, kerr.ErrorForCode(r.ErrorCode))
	}
	return err
}

// accepted says what of a topic the group has not accepted.
func (b *bench) accepted(ctx context.Context, j job) error {
	partitions, left := 0, int64(0)
	for range 100 { // the broker says so some time after it was told
		described, err := b.admin.DescribeShareGroupOffsets(ctx, j.group)
		if err != nil {
			return err
		}
		partitions, left = 0, 0
		described[j.group].Offsets.Each(func(o kadm.ShareOffset) {
			if o.Lag >= 0 { // it is known
				partitions, left = partitions+1, left+o.Lag
			}
		})
		if partitions == sourcePartitions && left == 0 {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("%d messages of %d partitions are not accepted", left, partitions)
}
