//go:build jetstream || rabbitmq

package service

import (
	"errors"
	"io"
)

// writeACL refuses: this broker's rights are no commands of its own.
func (s *Service) writeACL(io.Writer) error {
	return errors.New("acl has no commands for this: the rights at this broker are in " + rightsIn)
}
