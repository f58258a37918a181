package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// serve serves a until the returned function is called, which waits for the end.
func serve(t *testing.T, a *API) (url string, end func() error) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Serve(ctx, listener) }()
	return "http://" + listener.Addr().String() + "/payments", func() error { cancel(); return <-ended }
}

// answer is what became of a request.
type answer struct {
	status int
	err    error
}

func request(url, body string) answer {
	response, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		return answer{err: err}
	}
	_, err = io.Copy(io.Discard, response.Body)
	return answer{response.StatusCode, errors.Join(err, response.Body.Close())}
}

func TestRequestsInFlightFinishAndNoneIsTakenAfterTheEnd(t *testing.T) {
	inside, leave := make(chan struct{}), make(chan struct{})
	url, end := serve(t, newAPI(func(ctx context.Context, _ Request[payment]) error {
		close(inside)
		<-leave
		return ctx.Err()
	}))
	answers, ended := make(chan answer, 1), make(chan error, 1)
	go func() { answers <- request(url, valid) }()
	<-inside
	go func() { ended <- end() }()
	for listens := true; listens; {
		listens = request(url, "no JSON").err == nil
	}
	select {
	case err := <-ended:
		t.Fatalf("it ended with a request in flight: %v", err)
	default:
	}
	close(leave)
	if got := <-answers; got.status != http.StatusAccepted || got.err != nil {
		t.Errorf("the request in flight got %+v", got)
	}
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
}

func TestRequestsThatTakeTooLongAreToldToEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(func(ctx context.Context, _ Request[payment]) error {
			<-ctx.Done()
			return ctx.Err()
		})
		connect, end := servePipes(t, a)
		connection := connect()
		write(t, connection, valid)
		synctest.Wait()
		began, ended := time.Now(), make(chan error, 1)
		go func() { ended <- end() }()
		if got := next(t, connection, "HTTP/1.1 503"); got != "" {
			t.Errorf("answered %q, want 503", got)
		}
		if took := time.Since(began); took != a.drain/2 {
			t.Errorf("it was told after %v of %v", took, a.drain)
		}
		_, _ = io.Copy(io.Discard, connection) // a pipe holds nothing: unread, the answer would not end
		if err := <-ended; err != nil {
			t.Errorf("it ended with %v", err)
		}
	})
}

func TestARequestThatNeverEndsDoesNotHoldUpTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leave := make(chan struct{})
		defer close(leave)
		a := newAPI(func(context.Context, Request[payment]) error { <-leave; return nil })
		connect, end := servePipes(t, a)
		connection := connect()
		write(t, connection, valid)
		synctest.Wait()
		began := time.Now()
		if err := end(); err != nil {
			t.Errorf("it ended with %v", err)
		}
		if took := time.Since(began); took < a.drain*3/4 || took > a.drain {
			t.Errorf("it ended after %v of %v", took, a.drain)
		}
		if got := next(t, connection, "HTTP/1.1"); got != io.EOF.Error() {
			t.Errorf("answered %q", got)
		}
	})
}

// servePipes is serve without a network, so that a test can have a clock of its
// own. Each call of connect makes a connection, and both end with the test at
// the latest.
func servePipes(t *testing.T, a *API) (connect func() net.Conn, end func() error) {
	t.Helper()
	listener := pipes{connections: make(chan net.Conn), closed: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	var err error
	go func() {
		defer close(ended)
		err = a.Serve(ctx, listener)
	}()
	end = func() error { cancel(); <-ended; return err }
	t.Cleanup(func() { _ = end() })
	connect = func() net.Conn {
		client, server := net.Pipe()
		t.Cleanup(func() { _ = client.Close() })
		listener.connections <- server
		return client
	}
	return connect, end
}

// pipes is a listener for the ends of pipes.
type pipes struct {
	connections chan net.Conn
	closed      chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.connections:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error { close(p.closed); return nil }

func (pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

// write sends a request with a body.
func write(t *testing.T, connection net.Conn, body string) {
	t.Helper()
	const head = "POST /payments HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
	if _, err := fmt.Fprintf(connection, head, len(body), body); err != nil {
		t.Fatal(err)
	}
}

// begun is a request of which the service has begun to read the body, and which
// does not come.
func begun(t *testing.T, connection net.Conn) net.Conn {
	t.Helper()
	const head = "POST /payments HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
	if _, err := io.WriteString(connection, head); err != nil {
		t.Fatal(err)
	}
	if got := next(t, connection, "HTTP/1.1 100 Continue\r\n\r\n"); got != "" {
		t.Fatalf("answered %q before the body", got)
	}
	if _, err := io.WriteString(connection, "{"); err != nil {
		t.Fatal(err)
	}
	return connection
}

// next reads want, or returns what comes in its place.
func next(t *testing.T, connection net.Conn, want string) string {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(connection, got); err != nil {
		return err.Error()
	}
	return strings.TrimPrefix(string(got), want)
}

func TestABodyThatDoesNotComeIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(takes)
		connect, _ := servePipes(t, a)
		connection := begun(t, connect())
		began := time.Now()
		if got := next(t, connection, "HTTP/1.1 408"); got != "" {
			t.Errorf("answered %q, want 408", got)
		}
		if took := time.Since(began); took != a.cfg.RequestTimeout {
			t.Errorf("given up after %v, want %v", took, a.cfg.RequestTimeout)
		}
	})
}

func TestABodyThatDoesNotComeIsAnsweredAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		connect, end := servePipes(t, newAPI(takes))
		connection := begun(t, connect())
		ended := make(chan error, 1)
		go func() { ended <- end() }()
		if got := next(t, connection, "HTTP/1.1 503"); got != "" {
			t.Errorf("answered %q, want 503", got)
		}
		_, _ = io.Copy(io.Discard, connection)
		if err := <-ended; err != nil {
			t.Errorf("it ended with %v", err)
		}
	})
}

func TestHeadersAreLimitedInSizeAndTime(t *testing.T) {
	for name, c := range map[string]struct {
		head, want string
		after      time.Duration
	}{
		"a long header":   {"POST /payments HTTP/1.1\r\nHost: x\r\nX-Long: " + strings.Repeat("x", 2*maxHeaderBytes) + "\r\n\r\n", "HTTP/1.1 431", 0},
		"a long path":     {"POST /" + strings.Repeat("x", 2*maxHeaderBytes) + " HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 431", 0},
		"half a header":   {"POST /payments HTTP/1.1\r\nHost: x\r\nX-", "", headerTimeout},
		"no next request": {"GET /payments HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 405", idleTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				connect, _ := servePipes(t, newAPI(takes))
				connection := connect()
				began := time.Now()
				go func() { _, _ = io.WriteString(connection, c.head) }() // all of it is not read
				if got := next(t, connection, c.want); got != "" {
					t.Fatalf("answered %q, want %q", got, c.want)
				}
				_, _ = io.Copy(io.Discard, connection)
				if took := time.Since(began); took < c.after || took > c.after+time.Second {
					t.Errorf("the connection ended after %v, want %v", took, c.after)
				}
			})
		})
	}
}
