package answers_test

import (
	"strings"
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

// A broker that was answered is the one that `forge new --run` needs where none runs in a
// process.
func TestOnlyRabbitMQIsSoughtWhereTheAnswersSay(t *testing.T) {
	for _, source := range answers.Sources() {
		a := answers.Defaults("books")
		answers.SetSource(&a, source)
		a.Brokers = []string{"there:29672"}
		env := strings.Join(a.DevEnv(), " ")
		if want := "RABBITMQ_URL=amqp://guest:guest@there:29672/"; (env == want) != (source == answers.RabbitMQ) || source != answers.RabbitMQ && env != "" {
			t.Errorf("%s: the environment has %q", source, env)
		}
	}
}

// A broker is where its setting says, in the form of its source: with the source's port if
// a URL has none. What has another form is left as it is, for who checks it.
func TestBrokersAreWhereTheirSettingSays(t *testing.T) {
	for _, c := range []struct{ source, setting, want string }{
		{answers.Kafka, "kafka-1:9092, kafka-2:9092", "kafka-1:9092 kafka-2:9092"},
		{answers.Kafka, "kafka://kafka-1:9092", "kafka://kafka-1:9092"},
		{answers.JetStream, "nats://a:1, tls://me:secret@b", "a:1 b:4222"},
		{answers.JetStream, "a:1", "a:1"},
		{answers.RabbitMQ, "amqp://me:secret@[::1]/shop", "[::1]:5672"},
		{answers.RabbitMQ, "amqp://me:se%cret@a:1/", "amqp://me:se%cret@a:1/"},
	} {
		if got := strings.Join(answers.BrokersOf(c.source, c.setting), " "); got != c.want {
			t.Errorf("%s, %s: %s, want %s", c.source, c.setting, got, c.want)
		}
	}
}
