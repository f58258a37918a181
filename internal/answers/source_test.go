package answers_test

import (
	"testing"

	"github.com/ouroboros-forge/forge/internal/answers"
)

// Another source looks for its own broker, unless somebody chose one.
func TestASourceBringsItsBroker(t *testing.T) {
	a := answers.Defaults("books")
	for _, c := range []struct {
		brokers []string
		source  string
		want    string
	}{
		{[]string{"localhost:9092"}, answers.JetStream, "localhost:4222"},
		{[]string{"localhost:4222"}, answers.Kafka, "localhost:9092"},
		{[]string{"localhost:9092"}, answers.KafkaShare, "localhost:9092"},
		{[]string{"kafka-1:9092"}, answers.JetStream, "kafka-1:9092"},
		{[]string{"localhost:9092", "kafka-2:9092"}, answers.JetStream, "localhost:9092"},
		{[]string{"localhost:9092"}, "pigeons", "localhost:9092"},
	} {
		a.Brokers = c.brokers
		if answers.SetSource(&a, c.source); a.Source != c.source || a.Brokers[0] != c.want || len(a.Brokers) != len(c.brokers) {
			t.Errorf("%v with %s become %v, want %s", c.brokers, c.source, a.Brokers, c.want)
		}
	}
}

// What scales by Kafka's groups is for sources that are Kafka's, and refused with the
// extra's name for others.
func TestExtrasAreOfTheirSource(t *testing.T) {
	for _, source := range answers.Sources() {
		a := answers.Defaults("books")
		answers.SetSource(&a, source)
		a.With = []string{answers.K8s}
		isRefused := a.Validate() != nil
		if want := !a.Has("kafka"); isRefused != want {
			t.Errorf("%s with k8s: refused is %v", source, isRefused)
		}
		if problems := answers.Problems(a.Validate()); isRefused && (len(problems) != 1 || problems[0].Value != answers.K8s) {
			t.Errorf("%s: %v", source, problems)
		}
		a.With = []string{answers.Docker, answers.Avro, answers.HTTP, answers.DLQ}
		if err := a.Validate(); err != nil {
			t.Errorf("%s: %v", source, err)
		}
	}
}
