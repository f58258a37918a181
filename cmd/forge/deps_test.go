package main

import (
	"os/exec"
	"strings"
	"testing"
)

// The template is data to forge: nothing that the service imports is linked, but what
// costs little and is asked: of topics, and of whether an Avro schema is legal.
func TestForgeLinksNothingOfTheService(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(explained(err))
	}
	for pkg := range strings.FieldsSeq(string(out)) {
		for _, foreign := range []string{
			"github.com/IBM/sarama", "github.com/twmb/", "github.com/testcontainers/", "github.com/prometheus/", "github.com/go-playground/",
			"github.com/go-json-experiment/", "github.com/ouroboros-forge/forge/template/service", "net/http", "testing",
		} {
			isAsked := strings.HasPrefix(pkg, "github.com/twmb/franz-go/pkg/kmsg") || strings.HasPrefix(pkg, "github.com/twmb/avro") // 40 and 330 kB
			if strings.HasPrefix(pkg, foreign) && !isAsked {
				t.Errorf("forge links %s", pkg)
			}
		}
	}
}
