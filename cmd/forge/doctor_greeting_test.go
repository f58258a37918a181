package main

import (
	"net"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/project"
)

// A broker that is no Kafka is known by what it says first; what says something else, or
// hangs up, is named. No password of a URL is shown.
func TestDoctorKnowsABrokerByItsGreeting(t *testing.T) {
	for says, want := range map[string]string{
		"INFO {}\r\n":    "answers",
		"HTTP/1.1 400\r": "answers, but is no NATS",
		"":               "answers, but is no NATS",
	} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = listener.Close() })
		go func() {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte(says))
			_ = conn.Close()
		}()
		t.Setenv("KAFKA_SECURITY_PROTOCOL", "SSL") // another program's
		a := answers.Defaults("books")
		answers.SetSource(&a, answers.JetStream)
		s := &site{record: project.Project{Answers: a}}
		checks := s.checkBrokers(t.Context(), []variable{{name: "NATS_URL", value: "nats://me:secret@" + listener.Addr().String()}})
		if len(checks) != 1 || !strings.HasSuffix(checks[0].Text, want) || strings.Contains(checks[0].Text, "secret") {
			t.Errorf("says %q: %+v, want %q", says, checks, want)
		}
	}
}

// What is encrypted, or has its address in a file, is not asked, and no secret is shown.
func TestDoctorAsksNoBrokerThatItCannot(t *testing.T) {
	a := answers.Defaults("books")
	answers.SetSource(&a, answers.RabbitMQ)
	s := &site{record: project.Project{Answers: a}}
	for _, v := range []variable{{name: "RABBITMQ_URL", value: "amqps://me:secret@127.0.0.1:1/"}, {name: "RABBITMQ_URL_FILE", value: "/run/secrets/url"}} {
		checks := s.checkBrokers(t.Context(), []variable{v})
		if len(checks) != 1 || !checks[0].OK || !strings.HasPrefix(checks[0].Text, "not asked: ") || strings.Contains(checks[0].Text, "secret@") {
			t.Errorf("%s: %+v", v.name, checks)
		}
	}
}
