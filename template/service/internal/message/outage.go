package message

import (
	"context"
	"database/sql/driver"
	"errors"
	"net"
	"slices"
	"syscall"
)

// IsOutage is the default rule for errors that count as Unavailable although
// the handler did not say so; Registry.SetOutageRule replaces it. It reports
// what is plainly the fault of the infrastructure: a failed network operation,
// a connection that was refused or broke, driver.ErrBadConn, and errors with a
// method SQLState() string of the classes 08 (connection), 53 (resources),
// 57 (operator intervention) and 58 (system).
//
// It does not report what the content of a message can cause: an expired
// context or a cancelled query, io.EOF (parsers return it too), a host or an
// address that does not exist.
func IsOutage(err error) bool {
	type sqlError interface {
		error
		SQLState() string
	}
	const queryCanceled = "57014" // by statement_timeout, say
	if e, ok := errors.AsType[sqlError](err); ok {
		state := e.SQLState()
		return len(state) == 5 && state != queryCanceled && slices.Contains([]string{"08", "53", "57", "58"}, state[:2])
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		return !e.IsNotFound
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return !isBadAddress(err) && !errors.Is(err, context.Canceled)
	}
	return slices.ContainsFunc(outages, func(outage error) bool { return errors.Is(err, outage) })
}

var outages = []error{
	driver.ErrBadConn, net.ErrClosed,
	syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE, syscall.ETIMEDOUT,
	syscall.EHOSTUNREACH, syscall.EHOSTDOWN, syscall.ENETUNREACH, syscall.ENETDOWN,
}

// isBadAddress reports whether the network was not used, because the address is
// malformed.
func isBadAddress(err error) bool {
	_, addr := errors.AsType[*net.AddrError](err)
	_, parse := errors.AsType[*net.ParseError](err)
	_, network := errors.AsType[net.UnknownNetworkError](err)
	return addr || parse || network
}
