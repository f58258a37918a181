package message_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// sqlError is an error as drivers of databases have it.
type sqlError string

func (e sqlError) Error() string    { return "sql " + string(e) }
func (e sqlError) SQLState() string { return string(e) }

func TestIsOutage(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	for name, tt := range map[string]struct {
		err  error
		want bool
	}{
		"nil":                         {nil, false},
		"plain":                       {errTest, false},
		"refused":                     {refused, true},
		"a dial that timed out":       {&net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}, true},
		"a read that broke":           {&net.OpError{Op: "read", Net: "tcp", Err: io.EOF}, true},
		"a request that was refused":  {&url.Error{Op: "Get", URL: "http://x", Err: refused}, true},
		"wrapped":                     {fmt.Errorf("store: %w", refused), true},
		"joined":                      {errors.Join(errTest, fmt.Errorf("close: %w", syscall.EPIPE)), true},
		"reset":                       {syscall.ECONNRESET, true},
		"no route":                    {os.NewSyscallError("connect", syscall.EHOSTUNREACH), true},
		"bad connection":              {fmt.Errorf("begin: %w", driver.ErrBadConn), true},
		"closed connection":           {net.ErrClosed, true},
		"name server does not answer": {&net.OpError{Op: "dial", Err: &net.DNSError{Err: "server misbehaving", IsTemporary: true}}, true},
		"no such host":                {&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", IsNotFound: true}}, false},
		"malformed address":           {&net.OpError{Op: "dial", Err: &net.AddrError{Err: "missing port in address"}}, false},
		"unknown network":             {&net.OpError{Op: "dial", Err: net.UnknownNetworkError("pigeon")}, false},
		"cancelled":                   {context.Canceled, false},
		"a dial that was cancelled":   {&net.OpError{Op: "dial", Err: context.Canceled}, false},
		"deadline":                    {context.DeadlineExceeded, false},
		"wrapped deadline":            {fmt.Errorf("query: %w", context.DeadlineExceeded), false},
		"a request out of time":       {&url.Error{Op: "Get", URL: "http://x", Err: context.DeadlineExceeded}, false},
		"end of input":                {io.EOF, false},
		"input cut off":               {fmt.Errorf("parse: %w", io.ErrUnexpectedEOF), false},
		"no such file":                {&os.PathError{Op: "open", Path: "x", Err: syscall.ENOENT}, false},
		"connection failure":          {sqlError("08006"), true},
		"too many connections":        {sqlError("53300"), true},
		"admin shutdown":              {fmt.Errorf("insert: %w", sqlError("57P01")), true},
		"cannot connect now":          {sqlError("57P03"), true},
		"io error":                    {sqlError("58030"), true},
		"query cancelled":             {sqlError("57014"), false},
		"unique violation":            {sqlError("23505"), false},
		"invalid text":                {fmt.Errorf("insert: %w", sqlError("22P02")), false},
		"serialization failure":       {sqlError("40001"), false},
		"not a state":                 {sqlError("08"), false},
		"the database knows better":   {errors.Join(sqlError("23505"), refused), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := message.IsOutage(tt.err); got != tt.want {
				t.Errorf("IsOutage(%v) = %v", tt.err, got)
			}
		})
	}
}

func TestAnOutageIsUnavailableUnlessTheHandlerSaidWhatItIs(t *testing.T) {
	outage := error(sqlError("57P01"))
	for name, tt := range map[string]struct {
		err  error
		want message.Outcome
	}{
		"plain":     {outage, message.OutcomeUnavailable},
		"retry":     {message.Retry(outage), message.OutcomeRetry},
		"permanent": {message.Permanent(outage), message.OutcomePermanent},
		"other":     {errTest, message.OutcomePlain},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRegistry()
			message.Register(r, "payments", &recorder[payment]{err: tt.err})
			err := r.Handle(t.Context(), newMessage(inEnvelope("P", validBody)))
			if got := message.OutcomeOf(err); got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("outcome %v of %v, want %v", got, err, tt.want)
			}
		})
	}
}

func TestTheOutageRuleCanBeReplacedAlsoForSiblings(t *testing.T) {
	r := newRegistry()
	sibling := r.NewSibling()
	r.SetOutageRule(func(err error) bool { return errors.Is(err, errTest) })
	for _, r := range []*message.Registry{r, sibling} {
		h := &recorder[payment]{err: errTest}
		message.Register(r, "payments", h)
		if err := r.Handle(t.Context(), newMessage(inEnvelope("P", validBody))); !isUnavailable(err) {
			t.Errorf("%v, want it unavailable by the new rule", err)
		}
		h.err = driver.ErrBadConn
		if err := r.Handle(t.Context(), newMessage(inEnvelope("P", validBody))); isUnavailable(err) {
			t.Errorf("%v is unavailable by the old rule", err)
		}
	}
}

// What a handler's own time cuts off is no outage: the next attempt would be cut
// off too, without end. What a shorter time of the connection's cuts off is one.
func TestAReadCutOffByTheHandlersTimeIsNoOutage(t *testing.T) {
	cutOff := &net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}
	for within, outage := range map[time.Duration]bool{time.Nanosecond: false, time.Hour: true} {
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		r := newRegistry()
		message.Register(r, "payments", &recorder[payment]{err: cutOff})
		if err := r.Handle(ctx, newMessage(inEnvelope("PaymentCreated", validBody))); isUnavailable(err) != outage || !errors.Is(err, cutOff) {
			t.Errorf("of %v: %v is unavailable: %v", within, err, !outage)
		}
	}
}
