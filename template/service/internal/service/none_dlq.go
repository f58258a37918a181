//go:build jetstream || rabbitmq

package service

import (
	"errors"
	"io"
)

// writeACL refuses: the rights of other brokers than Kafka are kept in their own files.
func (s *Service) writeACL(io.Writer) error {
	return errors.New("acl prints commands for Kafka: the rights at this broker are in " + rightsIn)
}
