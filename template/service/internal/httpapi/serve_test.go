package httpapi

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
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
	go func() { ended <- a.ServeOn(ctx, listener) }()
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
	inside := make(chan struct{})
	a := newAPI(func(ctx context.Context, _ Request[payment]) error {
		close(inside)
		<-ctx.Done()
		return ctx.Err()
	})
	a.drain = 100 * time.Millisecond
	url, end := serve(t, a)
	answers := make(chan answer, 1)
	go func() { answers <- request(url, valid) }()
	<-inside
	if err := end(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if got := <-answers; got.status != http.StatusServiceUnavailable {
		t.Errorf("answered %+v", got)
	}
}

func TestARequestThatNeverEndsDoesNotHoldUpTheEnd(t *testing.T) {
	inside, leave := make(chan struct{}), make(chan struct{})
	defer close(leave)
	a := newAPI(func(context.Context, Request[payment]) error { close(inside); <-leave; return nil })
	a.drain = 20 * time.Millisecond
	url, end := serve(t, a)
	answers := make(chan answer, 1)
	go func() { answers <- request(url, valid) }()
	<-inside
	if err := end(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if got := <-answers; got.err == nil {
		t.Errorf("answered %+v", got)
	}
}

func TestServeNamesTheAddressItCannotHave(t *testing.T) {
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	a := newAPI(takes)
	a.cfg = config.HTTP{Listen: taken.Addr().String()}
	if err := a.Serve(t.Context()); err == nil || !strings.Contains(err.Error(), "HTTP_ADDR=") || !strings.Contains(err.Error(), taken.Addr().String()) {
		t.Errorf("error is %v", err)
	}
}

// begun is a request of which the service has begun to read the body, and which
// does not come.
func begun(t *testing.T, url string) net.Conn {
	t.Helper()
	server := strings.TrimPrefix(strings.TrimSuffix(url, "/payments"), "http://")
	connection, err := new(net.Dialer).DialContext(t.Context(), "tcp", server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	if err := connection.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
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
	a := newAPI(takes)
	a.cfg.RequestTimeout = 500 * time.Millisecond
	url, end := serve(t, a)
	defer func() { _ = end() }()
	if got := next(t, begun(t, url), "HTTP/1.1 408"); got != "" {
		t.Errorf("answered %q, want 408", got)
	}
}

func TestABodyThatDoesNotComeIsAnsweredAtTheEnd(t *testing.T) {
	a := newAPI(takes)
	a.drain = 400 * time.Millisecond
	url, end := serve(t, a)
	connection := begun(t, url)
	if err := end(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if got := next(t, connection, "HTTP/1.1 503"); got != "" {
		t.Errorf("answered %q, want 503", got)
	}
}
