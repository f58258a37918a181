//go:build !jetstream && !rabbitmq

package service_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/service"
)

// asked are the settings of a service that has to say who it is.
func asked(broker string) map[string]string {
	all := settings(broker)
	all["KAFKA_SECURITY_PROTOCOL"], all["KAFKA_SASL_USERNAME"], all["KAFKA_SASL_PASSWORD"] = "SASL_PLAINTEXT", "books", "secret"
	return all
}

// passOn publishes what is good, and refuses what is bad.
func passOn(_ context.Context, _ none, b *service.Builder) error {
	b.Registry.SetCodec(envelope.JSON{})
	b.Publishes(opened{})
	handle(b.Registry, "accounts", func(ctx context.Context, m message.Of[opened]) error {
		if m.Body.ID == "bad" {
			return message.Permanent(errors.New("refused"))
		}
		return b.Publisher.Publish(ctx, m.Body)
	})
	return nil
}

// printedRights returns the rights that `acl` prints, each alone.
func printedRights(t *testing.T) (all []kfake.ACL) {
	t.Helper()
	code, stdout, stderr := sayOf(t, passOn, asked("a:9092"), "acl")
	if code != 0 || stderr != "" {
		t.Fatalf("code %d, %s", code, stderr)
	}
	command := regexp.MustCompile(`^kafka-acls.sh --bootstrap-server 'a:9092' --add --allow-principal 'User:books'((?: --operation \w+)+)( --resource-pattern-type prefixed)? --(group|topic) '([\w.]+)'$`)
	for line := range strings.Lines(stdout) {
		if strings.HasPrefix(line, "# ") {
			continue
		}
		parts := command.FindStringSubmatch(strings.TrimSpace(line))
		if parts == nil {
			t.Fatalf("%q is no command of kafka-acls.sh", line)
		}
		right := kfake.ACL{Name: parts[4], Resource: kmsg.ACLResourceTypeTopic, Pattern: kmsg.ACLResourcePatternTypeLiteral, Allow: true}
		if parts[3] == "group" {
			right.Resource = kmsg.ACLResourceTypeGroup
		}
		if parts[2] != "" {
			right.Pattern = kmsg.ACLResourcePatternTypePrefixed
		}
		for name := range strings.FieldsSeq(strings.ReplaceAll(parts[1], "--operation", "")) {
			var err error
			if right.Operation, err = kmsg.ParseACLOperation(name); err != nil {
				t.Fatal(err)
			}
			all = append(all, right)
		}
	}
	return all
}

// works runs a service and its command dlq with some rights, and returns what did not
// work within the time.
func works(t *testing.T, rights []kfake.ACL, within time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "accounts", "opened"), kfake.EnableACLs(), kfake.EnableSASL(),
		kfake.Superuser("PLAIN", "admin", "admin"), kfake.User("PLAIN", "books", "secret", rights...))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	admin, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.SASL(plain.Auth{User: "admin", Pass: "admin"}.AsMechanism()),
		kgo.ConsumeTopics("opened", "accounts.dlq"), kgo.MetadataMinAge(50*time.Millisecond), kgo.MetadataMaxAge(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	s, stop := start(t, passOn, asked(c.ListenAddrs()[0]))
	defer func() { _ = stop() }()
	for {
		code, body := get(s, "/readyz")
		if code == http.StatusOK {
			break
		}
		if ctx.Err() != nil {
			return fmt.Errorf("not ready: %s", body)
		}
	}
	of := func(id string) *kgo.Record {
		m := record("accounts", id)
		return &kgo.Record{Topic: m.Topic, Key: m.Key, Value: m.Value}
	}
	parked := of("bad")
	parked.Headers = []kgo.RecordHeader{{Key: "forge-redrive-count", Value: []byte("3")}}
	if err := admin.ProduceSync(ctx, of("good"), of("bad"), parked).FirstErr(); err != nil {
		return err
	}
	for came := 0; came < 3; {
		fetches := admin.PollFetches(ctx)
		if ctx.Err() != nil {
			return fmt.Errorf("%d of 3 messages are published or dead letters", came)
		}
		came += fetches.NumRecords()
	}
	if err := stop(); err != nil {
		return err
	}
	for _, args := range [][]string{{"redrive"}, {"purge"}, {"redrive", "accounts.parked"}, {"purge", "accounts.parked"}} {
		code, stdout, stderr := sayOf(t, passOn, asked(c.ListenAddrs()[0]), append([]string{"dlq"}, append(args, "--execute")...)...)
		if code != 0 {
			return fmt.Errorf("dlq %v: %s%s", args, stdout, stderr)
		}
	}
	return nil
}

// TestTheRightsThatAclPrintsAreEnoughAndNoneIsTooMuch runs a service with all of them,
// and without each: then something of it does not work. DescribeConfigs is the one it
// works without, and checks less.
func TestTheRightsThatAclPrintsAreEnoughAndNoneIsTooMuch(t *testing.T) {
	rights := printedRights(t)
	if err := works(t, rights, 30*time.Second); err != nil {
		t.Fatalf("with %v: %v", rights, err)
	}
	for i, r := range rights {
		if r.Operation == kmsg.ACLOperationDescribeConfigs {
			continue
		}
		if err := works(t, slices.Delete(slices.Clone(rights), i, i+1), 2*time.Second); err == nil {
			t.Errorf("all works without %v on %s", r.Operation, r.Name)
		} else {
			t.Logf("without %v on %s: %v", r.Operation, r.Name, err)
		}
	}
}

// The name that a token or a certificate has is to be put in.
func TestAclSaysWhereTheNameIsNotKnown(t *testing.T) {
	all := asked("a:9092")
	all["KAFKA_SASL_MECHANISM"], all["KAFKA_SASL_USERNAME"] = "OAUTHBEARER", ""
	if code, stdout, stderr := sayOf(t, passOn, all, "acl"); code != 0 || !strings.Contains(stdout, "--allow-principal 'User:NAME' ") {
		t.Errorf("code %d, %s%s", code, stdout, stderr)
	}
}
