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
	if e, ok := errors.AsType[interface {
		error
		SQLState() string
	}](err); ok {
		return isOutageState(e.SQLState())
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		return !e.IsNotFound
	}
	if isBadAddress(err) || errors.Is(err, context.Canceled) {
		return false
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return true
	}
	return slices.ContainsFunc(outageErrors, func(outage error) bool { return errors.Is(err, outage) })
}

var outageErrors = []error{
	driver.ErrBadConn, net.ErrClosed,
	syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE, syscall.ETIMEDOUT,
	syscall.EHOSTUNREACH, syscall.EHOSTDOWN, syscall.ENETUNREACH, syscall.ENETDOWN,
}

const stateQueryCanceled = "57014" // by statement_timeout, say: the query was too slow

func isOutageState(state string) bool {
	if len(state) != 5 || state == stateQueryCanceled {
		return false
	}
	return slices.Contains([]string{"08", "53", "57", "58"}, state[:2])
}

// isBadAddress reports whether the network was not even asked, because the
// address is none.
func isBadAddress(err error) bool {
	_, addr := errors.AsType[*net.AddrError](err)
	_, parse := errors.AsType[*net.ParseError](err)
	_, network := errors.AsType[net.UnknownNetworkError](err)
	return addr || parse || network
}
