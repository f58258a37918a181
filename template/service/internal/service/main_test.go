//go:build !jetstream && !rabbitmq

package service_test

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/service"
)

type own struct {
	Store config.Secret `env:"STORE_URL" help:"where accounts are stored"`
}

// buildOwn has a setting, and fails when that says so.
func buildOwn(_ context.Context, s own, b *service.Builder) error {
	handle(b.Registry, "accounts", succeed)
	if s.Store == "broken" {
		return os.ErrInvalid
	}
	return nil
}

// say runs a command line in an empty directory with no settings but those
// given, and returns its exit code and what it wrote.
func say(t *testing.T, settings map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return sayOf(t, buildOwn, settings, args...)
}

func sayOf[S any](t *testing.T, build service.Build[S], settings map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, s := range append(config.Settings(new(config.Config)), config.Settings(new(own))...) {
		t.Setenv(s.Name, settings[s.Name])
	}
	write(t, "settings.yaml", "group.id: from-yaml\nbootstrap.servers: a:1\n")
	var out, problems strings.Builder
	code = service.Command(t.Context(), "books", build, args, &out, &problems)
	return code, out.String(), problems.String()
}

func TestConfigPrintsSettingsAndTheirOrigins(t *testing.T) {
	for _, args := range [][]string{
		{"--config", "settings.yaml", "config"}, {"config", "--config", "settings.yaml"}, {"-config=settings.yaml", "config"},
	} {
		code, stdout, stderr := say(t, map[string]string{"KAFKA_BOOTSTRAP_SERVERS": "b:1", "STORE_URL": "pg"}, args...)
		if code != 0 || stderr != "" {
			t.Errorf("%q: code %d, %s", args, code, stderr)
		}
		text := strings.Join(strings.Fields(stdout), " ")
		for _, want := range []string{
			"KAFKA_GROUP_ID=from-yaml # settings.yaml:1 ", "KAFKA_BOOTSTRAP_SERVERS=b:1 # environment ", "STORE_URL=[redacted] # environment",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("%q: %q is missing in\n%s", args, want, stdout)
			}
		}
	}
}

// config prints the settings with which Build failed, and the error.
func TestConfigPrintsSettingsWhenBuildFails(t *testing.T) {
	code, stdout, stderr := say(t, map[string]string{"KAFKA_BOOTSTRAP_SERVERS": "b:1", "KAFKA_GROUP_ID": "x", "STORE_URL": "broken"}, "config")
	if code != 1 || !strings.Contains(stdout, "KAFKA_BOOTSTRAP_SERVERS=b:1") || stderr != "books: invalid argument\n" {
		t.Errorf("code %d\n%s%s", code, stdout, stderr)
	}
}

func TestHelpIsAnAnswer(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"-h"}, {"help"}, {"config", "--help"}} {
		code, stdout, stderr := say(t, nil, args...)
		if code != 0 || stderr != "" || !strings.Contains(stdout, "\n  config ") || !strings.Contains(stdout, "\n  --config FILE ") {
			t.Errorf("%q: code %d\n%s%s", args, code, stdout, stderr)
		}
	}
}

func TestWrongUsageIsOneErrorAndCode2(t *testing.T) {
	for want, args := range map[string][]string{
		`no command "confg"`:            {"confg"},
		`no command ""`:                 {""},
		"not defined: -confg":           {"--confg", "x"},
		"needs an argument: -config":    {"--config"},
		"the name of a file is missing": {"--config="},
		`config takes no argument "x"`:  {"config", "x"},
		"not defined: -v":               {"config", "-v"},
	} {
		code, stdout, stderr := say(t, nil, args...)
		if code != 2 || stdout != "" || !strings.Contains(stderr, want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%q: code %d\n%s%s", args, code, stdout, stderr)
		}
	}
}

// All settings that cannot work are named before anything starts. config prints
// what was given before.
func TestRefusedSettingsAreCode1(t *testing.T) {
	for _, args := range [][]string{nil, {"config"}, {"--config", "missing.yaml"}} {
		code, stdout, stderr := say(t, map[string]string{"MAX_WORKERS": "none", "KAFKA_BOOTSTRAP_SERVERS": "no-port"}, args...)
		if code != 1 || !strings.Contains(stderr, `MAX_WORKERS="none"`) || !strings.Contains(stderr, `KAFKA_BOOTSTRAP_SERVERS="no-port"`) || strings.Contains(stderr, "KAFKA_GROUP_ID is not set") == strings.Contains(stderr, "missing.yaml") { // which may have it
			t.Errorf("%q: code %d\n%s%s", args, code, stdout, stderr)
		}
		shown := strings.Join(strings.Fields(stdout), " ")
		for _, want := range []string{"MAX_WORKERS=none # environment ", "RETRY_POLICY=exponential # default ", "STORE_URL= # default"} {
			if isConfig := slices.Contains(args, "config"); strings.Contains(shown, want) != isConfig {
				t.Errorf("%q: is %q shown? %v", args, want, !isConfig)
			}
		}
	}
}

// config says what the start says of names in .env that nothing reads.
func TestConfigNamesWhatIsUnread(t *testing.T) {
	for level, code := range map[string]int{"info": 0, "loud": 1} {
		t.Chdir(t.TempDir())
		write(t, ".env", "KAFKA_BOOTSTRAP_SERVERS=a:1\nKAFKA_GROUP_ID=x\nSTORE_ULR=x\nLOG_LEVEL="+level+"\n")
		var out, problems strings.Builder
		got := service.Command(t.Context(), "books", buildOwn, []string{"config"}, &out, &problems)
		if got != code || !strings.Contains(problems.String(), `msg="unknown setting" setting=".env:3: STORE_ULR"`) {
			t.Errorf("%s: code %d\n%s", level, got, problems.String())
		}
	}
}

// A second signal ends the process at once, whatever it waits for.
func TestASecondSignalEndsAtOnce(t *testing.T) {
	if os.Getenv("SERVICE_TEST_HOLD") != "" {
		os.Args = os.Args[:1]
		service.Main("books", build(func(b *service.Builder) {
			b.Close("database", func() error {
				_, _ = os.Stdout.WriteString("closing\n")
				select {}
			})
			b.Run("ready", func(context.Context) error { _, err := os.Stdout.WriteString("running\n"); return err })
		}))
	}
	cmd := exec.Command(os.Args[0], "-test.run", t.Name())
	cmd.Env = append(os.Environ(), "SERVICE_TEST_HOLD=1", "DRAIN_TIMEOUT=5m", "KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:1", "KAFKA_GROUP_ID=test", "OPS_ADDR=127.0.0.1:0")
	cmd.Env = append(cmd.Env, "HTTP_ADDR=127.0.0.1:0") //forge:if http
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	lines := bufio.NewScanner(stdout)
	awaitLine(lines, "running")
	_ = cmd.Process.Signal(syscall.SIGTERM)
	awaitLine(lines, "closing")
	again := time.NewTicker(10 * time.Millisecond) // the handler of the first one may still be there
	defer again.Stop()
	ended := make(chan struct{})
	go func() {
		for {
			select {
			case <-again.C:
				_ = cmd.Process.Signal(syscall.SIGTERM)
			case <-ended:
				return
			}
		}
	}()
	_ = cmd.Wait()
	close(ended)
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("it ended with %v", cmd.ProcessState)
	}
}

func awaitLine(lines *bufio.Scanner, want string) {
	for lines.Scan() {
		if lines.Text() == want {
			return
		}
	}
}

func TestVersionSaysWhatItWasBuiltFrom(t *testing.T) {
	code, stdout, stderr := say(t, nil, "version")
	if code != 0 || stderr != "" || !strings.HasPrefix(stdout, "books ") || !strings.Contains(stdout, ", go1.") {
		t.Errorf("code %d, %q, %q", code, stdout, stderr)
	}
}
