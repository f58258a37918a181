// Package compose reads the compose files of services with the library of docker compose:
// what docker compose config refuses is refused here. It is a module of its own, for that
// library.
package compose

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/render"
	"github.com/ouroboros-forge/forge/template"
)

// load writes a service, and reads its compose files as one.
func load(t *testing.T, a answers.Answers) *types.Project {
	t.Helper()
	tree, err := render.Render(template.FS, a, "v0.0.0")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, f := range tree.Files {
		name := filepath.Join(dir, f.Path)
		if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files := []string{filepath.Join(dir, "compose.yaml")}
	if a.Has(answers.Monitoring) {
		files = append(files, filepath.Join(dir, "deploy/monitoring/compose.yaml"))
	}
	options, err := cli.NewProjectOptions(files, cli.WithWorkingDirectory(dir), cli.WithDotEnv)
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return project
}

func services() map[string]answers.Answers {
	set := func(name, group string, with ...string) answers.Answers {
		a := answers.Defaults(name)
		a.With, a.Group = with, group
		return a
	}
	return map[string]answers.Answers{
		"default":    set("my-service", "my-service", answers.Docker),
		"all extras": set("1st.service_X", "a b", answers.Docker, answers.Avro, answers.HTTP, answers.Batch, answers.DLQ, answers.OTel, answers.Monitoring),
		"odd group":  set("shop", `a "b" #c $d ${HOME} '`, answers.Docker, answers.Monitoring),
	}
}

// TestServicesFindEachOther proves that docker compose takes the files, that somebody
// listens at each address that one service has of another, and that each port which is
// published is one of these, once and for this machine only.
func TestServicesFindEachOther(t *testing.T) {
	for name, a := range services() {
		t.Run(name, func(t *testing.T) {
			p := load(t, a)
			listening := listening(p)
			published := published(t, p, listening)
			for _, address := range addresses(t, p) {
				host, port, _ := net.SplitHostPort(address)
				if host == "localhost" && published[port] == "" || host != "localhost" && !listening[address] {
					t.Errorf("nobody listens at %s", address)
				}
			}
			if got := *p.Services["service"].Environment["KAFKA_GROUP_ID"]; got != a.Group {
				t.Errorf("the group is %q, want %q", got, a.Group)
			}
		})
	}
}

// published returns who publishes each port.
func published(t *testing.T, p *types.Project, listening map[string]bool) map[string]string {
	t.Helper()
	by := map[string]string{}
	for _, s := range p.Services {
		for _, port := range s.Ports {
			if !listening[fmt.Sprintf("%s:%d", s.Name, port.Target)] || port.HostIP != "127.0.0.1" || by[port.Published] != "" {
				t.Errorf("%s publishes %+v, beside %v", s.Name, port, by)
			}
			by[port.Published] = s.Name
		}
	}
	return by
}

// TestImagesAndFilesAreFixed proves that nobody runs whatever is newest, that all of Kafka
// are of one version, and that what is mounted is there.
func TestImagesAndFilesAreFixed(t *testing.T) {
	for name, a := range services() {
		t.Run(name, func(t *testing.T) {
			p := load(t, a)
			for _, s := range p.Services {
				if s.Build == nil && !regexp.MustCompile(`:v?\d+\.\d+\.\d+$`).MatchString(s.Image) {
					t.Errorf("%s runs %q", s.Name, s.Image)
				}
				for _, v := range s.Volumes {
					if _, err := os.Stat(v.Source); err != nil {
						t.Errorf("%s: %v", s.Name, err)
					}
				}
			}
			if a, b := p.Services["kafka"].Image, p.Services["topics"].Image; a != b {
				t.Errorf("Kafka is %s, and its tools are %s", a, b)
			}
		})
	}
}

// listening returns each name:port where somebody listens: where settings say so, and where
// the images do by themselves.
func listening(p *types.Project) map[string]bool {
	at := map[string]bool{}
	ports := map[string][]string{"jaegertracing/jaeger": {"4318", "16686"}, "prom/prometheus": {"9090"}, "grafana/grafana": {"3000"}}
	for _, s := range p.Services {
		image, _, _ := strings.Cut(s.Image, ":")
		for _, port := range ports[image] {
			at[s.Name+":"+port] = true
		}
		for _, setting := range []string{"KAFKA_LISTENERS", "SCHEMA_REGISTRY_LISTENERS", "OPS_ADDR", "HTTP_ADDR"} {
			if value := s.Environment[setting]; value != nil {
				for _, port := range regexp.MustCompile(`:(\d+)`).FindAllStringSubmatch(*value, -1) {
					at[s.Name+":"+port[1]] = true
				}
			}
		}
	}
	return at
}

// hostPort finds the addresses in a setting, but not those where its own service listens.
var hostPort = regexp.MustCompile(`(?:^|//|,)([a-z][\w.-]*:\d+)`)

// addresses returns each host:port that somebody is told to connect to.
func addresses(t *testing.T, p *types.Project) (all []string) {
	t.Helper()
	for _, s := range p.Services {
		for _, value := range s.Environment {
			for _, address := range hostPort.FindAllStringSubmatch(*value, -1) {
				all = append(all, address[1])
			}
		}
	}
	if s, ok := p.Services["prometheus"]; ok {
		text, err := os.ReadFile(filepath.Join(s.Volumes[0].Source, "prometheus.yml"))
		if err != nil {
			t.Fatal(err)
		}
		targets := regexp.MustCompile(`targets: \["(.*)"\]`).FindSubmatch(text)
		source := regexp.MustCompile(`url: http://(.*)`).FindStringSubmatch(p.Configs["datasource"].Content)
		if targets == nil || source == nil {
			t.Fatalf("Prometheus asks nobody, or nobody asks it: %q, %q", targets, source)
		}
		all = append(all, string(targets[1]), source[1])
	}
	if len(all) < 3 { // Kafka's two, and the service's of Kafka
		t.Errorf("addresses: %q", all)
	}
	return all
}
