// Package k8s holds the manifests of a service against the types of those who read
// them: Kubernetes, the Prometheus Operator and KEDA. It is a module of its own, because
// theirs are large.
package k8s

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	keda "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	policy "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/render"
	"github.com/ouroboros-forge/forge/template"
)

// manifests are those of one service, each read strictly: no field is unknown.
type manifests struct {
	settings   core.ConfigMap
	deployment apps.Deployment
	budget     policy.PodDisruptionBudget
	monitor    monitoring.PodMonitor
	scaling    keda.ScaledObject
	service    *core.Service
}

// built builds deploy/base as kubectl does.
func built(t *testing.T, a answers.Answers) manifests {
	t.Helper()
	files, err := render.Render(template.FS, a, "v0.0.0")
	if err != nil {
		t.Fatal(err)
	}
	disk := filesys.MakeFsInMemory()
	for _, f := range files.Files {
		if strings.HasPrefix(f.Path, "deploy/") {
			if err := disk.WriteFile(f.Path, f.Content); err != nil {
				t.Fatal(err)
			}
		}
	}
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(disk, "deploy/base")
	if err != nil {
		t.Fatal(err)
	}
	var m manifests
	into := map[string]any{
		"ConfigMap": &m.settings, "Deployment": &m.deployment, "PodDisruptionBudget": &m.budget, "PodMonitor": &m.monitor, "ScaledObject": &m.scaling,
	}
	if a.Has(answers.HTTP) {
		m.service = new(core.Service)
		into["Service"] = m.service
	}
	for _, r := range resources.Resources() {
		target, text := into[r.GetKind()], r.MustYaml()
		if target == nil {
			t.Errorf("nobody asked for a %s", r.GetKind())
		} else if err := yaml.UnmarshalStrict([]byte(text), target); err != nil {
			t.Errorf("%v, in\n%s", err, text)
		}
		if wrong := validation.IsDNS1123Subdomain(r.GetName()); len(wrong) > 0 {
			t.Errorf("%s: a %s cannot have that name: %v", r.GetName(), r.GetKind(), wrong)
		}
		delete(into, r.GetKind())
	}
	for kind := range into {
		t.Errorf("there is no %s", kind)
	}
	return m
}

func services() map[string]answers.Answers {
	set := func(name string, change func(*answers.Answers), with ...string) answers.Answers {
		a := answers.Defaults(name)
		a.With = append(with, answers.K8s)
		change(&a)
		return a
	}
	return map[string]answers.Answers{
		"default":     set("my-service", func(*answers.Answers) {}, answers.Docker),
		"http":        set("1st.service_X", func(a *answers.Answers) { a.Topics = []string{"1st.topic_X-y", "orders"} }, answers.HTTP, answers.Avro, answers.DLQ),
		"longest":     set("1"+strings.Repeat("x", 62), func(a *answers.Answers) { a.Brokers = []string{"one:9092", "[::1]:9093"} }, answers.HTTP),
		"odd group":   set("shop", func(a *answers.Answers) { a.Group = `a "b" #c $d '` }),
		"odd group 2": set("shop", func(a *answers.Answers) { a.Group = `'#a= é' b` }),
	}
}

// TestManifestsAreWhatTheirReadersTake proves that no field is misspelt, and that what
// names another part of the service names one that is there.
func TestManifestsAreWhatTheirReadersTake(t *testing.T) {
	for name, a := range services() {
		t.Run(name, func(t *testing.T) {
			m := built(t, a)
			pod := m.deployment.Spec.Template
			for what, selector := range map[string]map[string]string{
				"the deployment": m.deployment.Spec.Selector.MatchLabels, "the budget": m.budget.Spec.Selector.MatchLabels, "the monitor": m.monitor.Spec.Selector.MatchLabels,
			} {
				if !maps.Equal(selector, pod.Labels) {
					t.Errorf("%s selects %v, pods have %v", what, selector, pod.Labels)
				}
			}
			container := pod.Spec.Containers[0]
			ports := map[string]int32{}
			for _, p := range container.Ports {
				ports[p.Name] = p.ContainerPort
			}
			for what, port := range map[string]intstr.IntOrString{
				"liveness": container.LivenessProbe.HTTPGet.Port, "readiness": container.ReadinessProbe.HTTPGet.Port, "the monitor": intstr.FromString(*m.monitor.Spec.PodMetricsEndpoints[0].Port),
			} {
				if port.StrVal != "ops" || settingPort(m, "OPS_ADDR") != ports["ops"] {
					t.Errorf("%s asks port %v, OPS_ADDR is %s", what, port, m.settings.Data["OPS_ADDR"])
				}
			}
			if s := m.service; s != nil && (!maps.Equal(s.Spec.Selector, pod.Labels) || s.Spec.Ports[0].TargetPort.StrVal != "http" || settingPort(m, "HTTP_ADDR") != ports["http"] || len(validation.IsDNS1035Label(s.Name)) > 0) {
				t.Errorf("the Service is %+v", s)
			}
			if from := container.EnvFrom; from[0].ConfigMapRef.Name != m.settings.Name || from[1].SecretRef.Name != m.deployment.Name || !*from[1].SecretRef.Optional {
				t.Errorf("the environment is from %v", from)
			}
			if err := scales(m, a); err != nil {
				t.Error(err)
			}
			if got := m.settings.Data; got["KAFKA_GROUP_ID"] != a.Group || got["KAFKA_BOOTSTRAP_SERVERS"] != strings.Join(a.Brokers, ",") || got["SERVICE_NAME"] != a.Name {
				t.Errorf("the settings are %q", got)
			}
		})
	}
}

// settingPort is the port of an address such as :8080.
func settingPort(m manifests, name string) (port int32) {
	_, _ = fmt.Sscanf(m.settings.Data[name], ":%d", &port)
	return port
}

// kedaTakes are the fields of a trigger of kind kafka, which KEDA's types have as text:
// https://keda.sh/docs/latest/scalers/apache-kafka/.
var kedaTakes = []string{"bootstrapServersFromEnv", "consumerGroupFromEnv", "topic", "lagThreshold", "offsetResetPolicy", "excludePersistentLag"}

func scales(m manifests, a answers.Answers) error {
	spec := m.scaling.Spec
	if spec.ScaleTargetRef.Name != m.deployment.Name || m.deployment.Spec.Replicas != nil {
		return fmt.Errorf("%s is scaled, with replicas of its own %v", spec.ScaleTargetRef.Name, m.deployment.Spec.Replicas)
	}
	var topics []string
	var errs []error
	for _, t := range spec.Triggers {
		topics = append(topics, t.Metadata["topic"])
		for field, value := range t.Metadata {
			name, isName := strings.CutSuffix(field, "FromEnv")
			if _, ok := m.settings.Data[value]; isName && !ok || !slices.Contains(kedaTakes, field) {
				errs = append(errs, fmt.Errorf("trigger %s: %s=%s", name, field, value))
			}
		}
	}
	if !slices.Equal(topics, a.Topics) {
		errs = append(errs, fmt.Errorf("triggers are of %v, topics are %v", topics, a.Topics))
	}
	return errors.Join(errs...)
}

// TestPodsHaveNoRightsAndTimeToEnd proves the rights of the pod security standard
// "restricted", and a grace period above what the service takes to end at worst.
func TestPodsHaveNoRightsAndTimeToEnd(t *testing.T) {
	pod := built(t, services()["default"]).deployment.Spec.Template.Spec
	c := pod.Containers[0].SecurityContext
	if !*pod.SecurityContext.RunAsNonRoot || pod.SecurityContext.SeccompProfile.Type != core.SeccompProfileTypeRuntimeDefault || *c.AllowPrivilegeEscalation ||
		!*c.ReadOnlyRootFilesystem || !slices.Equal(c.Capabilities.Drop, []core.Capability{"ALL"}) || *pod.AutomountServiceAccountToken {
		t.Errorf("pods may %+v, their container %+v", pod.SecurityContext, c)
	}
	const drain, beyond = 15, 25 // DRAIN_TIMEOUT, and what docs/operating.md says
	if got := *pod.TerminationGracePeriodSeconds; got < drain+beyond {
		t.Errorf("pods have %d s to end", got)
	}
}

// TestAlertsMakeAPrometheusRule runs the command of docs/runbook.md, with what kubectl
// would get.
func TestAlertsMakeAPrometheusRule(t *testing.T) {
	a := answers.Defaults("123") // a number, where YAML is not told otherwise
	a.With = []string{answers.K8s, answers.Monitoring}
	files, err := render.Render(template.FS, a, "v0.0.0")
	if err != nil {
		t.Fatal(err)
	}
	dir, command := t.TempDir(), ""
	for _, f := range files.Files {
		switch f.Path {
		case "deploy/monitoring/rules.yaml":
			err = errors.Join(os.MkdirAll(filepath.Join(dir, path.Dir(f.Path)), 0o750), os.WriteFile(filepath.Join(dir, f.Path), f.Content, 0o600))
		case "docs/runbook.md":
			_, command, _ = strings.Cut(string(f.Content), "makes a PrometheusRule of it:\n\n```sh\n")
			command, _, _ = strings.Cut(command, "```")
		}
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-ec", "kubectl() { cat; }\n"+command)
	cmd.Dir = dir
	out, runErr := cmd.Output()
	var rule monitoring.PrometheusRule
	if err := errors.Join(err, runErr, yaml.UnmarshalStrict(out, &rule)); err != nil {
		t.Fatalf("%v, of %s", err, out)
	}
	if rule.Kind != "PrometheusRule" || rule.Name != "123" || len(rule.Spec.Groups) != 1 || len(rule.Spec.Groups[0].Rules) != 7 {
		t.Errorf("%s", out)
	}
}
