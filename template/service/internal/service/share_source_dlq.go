//go:build share

package service

import "github.com/ouroboros-forge/forge/template/service/internal/kafka"

// What the commands ask of the source of messages.
var (
	groupLag    = kafka.ShareLag
	groupRights = []string{"Read", "DescribeConfigs", "AlterConfigs"}
)
