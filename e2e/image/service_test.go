package image

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ouroboros-forge/forge/e2e/generated"
)

// service is a container of the service.
type service struct {
	t         *testing.T
	container string
	ops       string // http://host:port
	grace     time.Duration
}

// startService starts it with the settings of compose.yaml, and with as few rights as
// deploy/base gives to it.
func (k *kafka) startService(t *testing.T) *service {
	t.Helper()
	settings := k.compose.Services.Service
	grace, err := time.ParseDuration(settings.Grace)
	if err != nil {
		t.Fatal(err)
	}
	address := "127.0.0.1:" + freePort(t)
	settings.Environment["ORDERING"] = "partition" // nothing overtakes what is not done, so nothing comes twice
	container := run(t, k.network, settings.Environment, "--publish", address+":8080",
		"--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--memory", "512m", image)
	return &service{t, container, "http://" + address, grace}
}

// awaitReady returns how long after its start the service was ready.
func (s *service) awaitReady() time.Duration {
	s.t.Helper()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for late := time.After(patience); s.get("/readyz") != http.StatusOK; {
		select {
		case <-again.C:
		case <-late:
			s.t.Fatalf("not ready within %v", patience)
		}
	}
	is := time.Now()
	if code := s.get("/livez"); code != http.StatusOK {
		s.t.Errorf("/livez answers %d", code)
	}
	started, err := time.Parse(time.RFC3339Nano, inspect(s.t, s.container, "{{.State.StartedAt}}"))
	if err != nil {
		s.t.Fatal(err)
	}
	return is.Sub(started).Round(time.Millisecond)
}

// get returns the status code of a path, 0 if nobody answers.
func (s *service) get(path string) int {
	response, err := http.Get(s.ops + path)
	if err != nil {
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// handled is what the handler logs of each message.
const handled = `"msg":"handled"`

// handled returns how many messages the service has handled.
func (s *service) handled() int {
	s.t.Helper()
	return strings.Count(logs(s.t, s.container), handled)
}

// terminate sends SIGTERM; the service must end within its grace, with exit code 0.
func (s *service) terminate(t *testing.T) {
	began := time.Now()
	docker(t, "stop", "--time", strconv.Itoa(int(s.grace.Seconds())), s.container)
	t.Logf("ended after %v", time.Since(began).Round(time.Millisecond))
	if code := inspect(t, s.container, "{{.State.ExitCode}}"); code != "0" { // killed, it is 137
		t.Errorf("exit code %s after SIGTERM", code)
	}
}

// field returns what Linux says of the service's process.
func (s *service) field(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join("/proc", inspect(t, s.container, "{{.State.Pid}}"), "status")
	text, err := os.ReadFile(path)
	if err != nil {
		generated.Missing(t, "Docker's processes are not those of this machine: %v", err)
	}
	m := regexp.MustCompile(`(?m)^` + name + `:\s+(.*)$`).FindSubmatch(text)
	if m == nil {
		t.Fatalf("%s has no %s", path, name)
	}
	return string(m[1])
}

func (s *service) isSmall(t *testing.T) {
	var kib int
	if _, err := fmt.Sscan(s.field(t, "VmRSS"), &kib); err != nil {
		t.Fatal(err)
	}
	if t.Logf("%.1f MiB are resident", float64(kib)/1024); kib > resident {
		t.Errorf("%d KiB are resident, at most %d may be", kib, resident)
	}
}

func (s *service) hasNoRights(t *testing.T) {
	for name, want := range map[string]string{"Uid": "65532\t65532\t65532\t65532", "CapEff": "0000000000000000", "NoNewPrivs": "1"} {
		if got := s.field(t, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if got := inspect(t, s.container, "{{.HostConfig.ReadonlyRootfs}}"); got != "true" {
		t.Errorf("the root is read-only: %s", got)
	}
}

// isReadySoon proves it of a group that the broker knows. What else this machine does may
// slow one start down: the quickest of three counts.
func (k *kafka) isReadySoon(t *testing.T) {
	var took []time.Duration
	for range 3 {
		s := k.startService(t)
		took = append(took, s.awaitReady())
		s.terminate(t)
	}
	if t.Logf("ready after %v, with the group's join", took); slices.Min(took) > ready {
		t.Errorf("ready after %v, at most %v may pass", took, ready)
	}
}
