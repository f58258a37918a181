package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
)

// renewals is the version of ShareAcknowledge in which a lock can be renewed, of Kafka 4.2.
const renewals = 2

// setUpGroup makes sure that the brokers have share groups, and that the group begins where
// the settings say, which a member cannot ask for: by itself it begins at the end.
func (c *ShareConsumer) setUpGroup(ctx context.Context, client *kgo.Client) error {
	versions, err := kadm.NewClient(client).ApiVersions(ctx)
	if err != nil {
		return fmt.Errorf("ask for the brokers' versions: %w", err)
	}
	for _, broker := range versions {
		if newest, ok := broker.KeyMaxVersion(int16(kmsg.ShareAcknowledge)); broker.Err == nil && (!ok || newest < renewals) {
			return fmt.Errorf("broker %d has no share groups whose locks can be renewed: they want Kafka 4.2, with the feature share.version=1", broker.NodeID)
		}
	}
	c.limit.Store(shareLimit(ctx, client, versions))
	wanted, has := map[string]string{"share.auto.offset.reset": c.cfg.AutoOffsetReset, "share.isolation.level": c.cfg.IsolationLevel}, groupSettings(ctx, client, c.cfg.GroupID)
	maps.DeleteFunc(wanted, func(name, value string) bool { return has[name] == value })
	if len(wanted) == 0 {
		return nil
	}
	err = setGroupSettings(ctx, client, c.cfg.GroupID, wanted)
	if errors.Is(err, kerr.GroupAuthorizationFailed) || errors.Is(err, kerr.ClusterAuthorizationFailed) {
		return fmt.Errorf("group %q: the service may not set %v: set it with kafka-configs.sh --alter --group %s --add-config, and allow the service DescribeConfigs of the group, or AlterConfigs: %w",
			c.cfg.GroupID, wanted, c.cfg.GroupID, err)
	}
	return err
}

const (
	deliveryLimit        = "group.share.delivery.count.limit"
	defaultDeliveryLimit = 5
)

// shareLimit returns how often the brokers deliver a message. Where the service may not
// see their settings it takes the default for granted.
func shareLimit(ctx context.Context, client *kgo.Client, brokers kadm.BrokersApiVersions) int32 {
	for _, broker := range brokers {
		configs, _ := kadm.NewClient(client).DescribeBrokerConfigs(ctx, broker.NodeID)
		if n, err := strconv.ParseInt(setting(configs, strconv.Itoa(int(broker.NodeID)), deliveryLimit), 10, 32); err == nil {
			return int32(n)
		}
	}
	return defaultDeliveryLimit
}

// groupSettings returns the settings of a group, as far as the service may see them.
func groupSettings(ctx context.Context, client *kgo.Client, group string) map[string]string {
	request, resource := kmsg.NewPtrDescribeConfigsRequest(), kmsg.NewDescribeConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeGroupConfig, group
	request.Resources = append(request.Resources, resource)
	response, err := request.RequestWith(ctx, client)
	if err != nil {
		return nil
	}
	has := map[string]string{}
	for _, r := range response.Resources {
		for _, s := range r.Configs {
			if s.Value != nil {
				has[s.Name] = *s.Value
			}
		}
	}
	return has
}

// setGroupSettings changes settings of a group, which need not be there yet.
func setGroupSettings(ctx context.Context, client *kgo.Client, group string, settings map[string]string) error {
	request, resource := kmsg.NewPtrIncrementalAlterConfigsRequest(), kmsg.NewIncrementalAlterConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeGroupConfig, group
	for name, value := range settings {
		s := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		s.Name, s.Op, s.Value = name, kmsg.IncrementalAlterConfigOpSet, &value
		resource.Configs = append(resource.Configs, s)
	}
	request.Resources = append(request.Resources, resource)
	response, err := request.RequestWith(ctx, client)
	if err != nil {
		return fmt.Errorf("set the settings of group %q: %w", group, err)
	}
	for _, r := range response.Resources {
		if err := kerr.ErrorForCode(r.ErrorCode); err != nil {
			return fmt.Errorf("set %v of group %q: %w", settings, group, err)
		}
	}
	return nil
}

// shareLags returns how far the settings' group is behind in each partition of the topics.
func shareLags(ctx context.Context, client *kgo.Client, cfg config.Kafka, topics []string) ([]kadm.ShareOffset, error) {
	groups, err := kadm.NewClient(client).DescribeShareGroupOffsets(ctx, cfg.GroupID)
	found := groups[cfg.GroupID]
	if err = cmp.Or(err, found.Err); err != nil && !errors.Is(err, kerr.GroupIDNotFound) { // it is new
		return nil, fmt.Errorf("ask for the offsets of group %q: %w", cfg.GroupID, err)
	}
	return slices.DeleteFunc(found.Offsets.Sorted(), func(o kadm.ShareOffset) bool {
		return o.Err != nil || o.StartOffset < 0 || o.Lag < 0 || !slices.Contains(topics, o.Topic)
	}), nil
}
