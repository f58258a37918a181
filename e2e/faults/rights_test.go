package faults

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ouroboros-forge/forge/e2e/faults/brokers"
)

// right is one that the service says it needs.
type right struct {
	resource, name string // group or topic
	prefixed       bool
	operation      kadm.ACLOperation
}

var command = regexp.MustCompile(`^kafka-acls.sh --bootstrap-server '[^']+' --add --allow-principal 'User:` + user + `'((?: --operation \w+)+)( --resource-pattern-type prefixed)? --(group|topic) '([^']+)'$`)

// rights returns those that the service's command acl prints.
func (i *identity) rights() []right {
	i.tr.Helper()
	out, err := i.command("acl")
	i.tr.must(err)
	var all []right
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		parts := command.FindStringSubmatch(strings.TrimSpace(line))
		if parts == nil {
			i.tr.Fatalf("%q is no command of kafka-acls.sh", line)
		}
		for operation := range strings.FieldsSeq(strings.ReplaceAll(parts[1], "--operation", "")) {
			op, err := kmsg.ParseACLOperation(operation)
			i.tr.must(err)
			all = append(all, right{parts[3], parts[4], parts[2] != "", op})
		}
	}
	return all
}

// entry is the right as the brokers have it.
func (r right) entry() *kadm.ACLBuilder {
	b := kadm.NewACLs().Allow("User:" + user).AllowHosts().Operations(r.operation).ResourcePatternType(kadm.ACLPatternLiteral)
	if r.prefixed {
		b.ResourcePatternType(kadm.ACLPatternPrefixed)
	}
	if r.resource == "group" {
		return b.Groups(r.name)
	}
	return b.Topics(r.name)
}

// allow gives the service rights.
func (i *identity) allow(rights ...right) {
	i.tr.Helper()
	for _, r := range rights {
		i.create(r.entry())
	}
}

func (i *identity) create(b *kadm.ACLBuilder) {
	i.tr.Helper()
	results, err := i.tr.observer.Admin.CreateACLs(i.tr.ctx, b)
	i.tr.must(err)
	for _, r := range results {
		i.tr.must(r.Err)
	}
}

// forbid takes a right away.
func (i *identity) forbid(r right) {
	i.tr.Helper()
	results, err := i.tr.observer.Admin.DeleteACLs(i.tr.ctx, r.entry())
	i.tr.must(err)
	for _, result := range results {
		i.tr.must(result.Err)
		if len(result.Deleted) != 1 {
			i.tr.Fatalf("%d rights were taken away in the place of %v", len(result.Deleted), r)
		}
	}
}

// rightMissing has each right that matters missing at the start, and again while the
// service runs, and given back each time.
func rightMissing(tr *trial) {
	i := tr.identify(time.Hour)
	tr.begin(3, 100, i.noted)
	tr.rules.Commit += 20 * time.Second // while the group may not be used
	tr.produce()
	for _, c := range []struct {
		right
		says []string
	}{
		{right{"topic", tr.topic, false, kadm.OpRead}, []string{tr.topic, "uthoriz"}},
		{right{"group", tr.group, false, kadm.OpRead}, []string{"group", tr.group, "uthoriz"}},
		{right{"topic", tr.topic + ".dlq", false, kadm.OpWrite}, []string{tr.topic, "refused"}},
	} {
		i.forbid(c.right)
		p := tr.start(i.settings()...)
		tr.told(p, 30*time.Second, c.says...)
		if !tr.warned(p, c.name, "uthoriz") {
			tr.Errorf("the log of %s does not say which right is missing on %s", p.Life, c.name)
		}
		i.silent("pages without a right", p.Pages())
		if done := tr.handledSoFar(p); done > 0 && c.operation == kadm.OpRead {
			tr.Errorf("%d messages were handled without the right to read %s", done, c.name)
		}
		i.allow(c.right)
		tr.ready(p, 45*time.Second)
		tr.wait(2 * time.Second)
		i.forbid(c.right)
		tr.told(p, 30*time.Second, c.says...)
		i.allow(c.right)
		tr.ready(p, 45*time.Second)
		tr.terminate(p)
	}
	tr.startReady(i.settings()...)
	tr.finish(60 * time.Second)
	i.kept()
}

// mechanisms has the service show who it is by each of the others, wrongly and rightly.
// A token ends while the service runs, and its successor is there in time.
func mechanisms(tr *trial) {
	i := tr.identify(time.Hour)
	tr.begin(3, 100, i.noted)
	tr.rules.Commit += 10 * time.Second
	tr.produce()
	for _, c := range []struct {
		mechanism    string
		wrong, right func()
	}{
		{"SCRAM-SHA-512", func() { i.newPassword() }, func() { i.setPassword(i.newPassword()) }},
		{"PLAIN", func() { i.newPassword() }, func() { i.keep(brokers.PlainPassword) }},
		{"OAUTHBEARER", func() { i.keep(token(-time.Minute)) }, func() { i.keep(token(12 * time.Second)) }},
	} {
		i.mechanism = c.mechanism
		c.wrong()
		p := tr.start(i.settings()...)
		tr.told(p, 20*time.Second, "by "+c.mechanism, "SASL_AUTHENTICATION_FAILED")
		i.silent("pages with a wrong secret", p.Pages())
		c.right()
		tr.ready(p, 45*time.Second)
		for range 5 {
			tr.wait(4 * time.Second)
			if c.mechanism == "OAUTHBEARER" {
				i.keep(token(12 * time.Second))
			}
		}
		if c.mechanism == "OAUTHBEARER" {
			i.keep(token(time.Hour))
		}
		tr.eventually(15*time.Second, p.Ready) // a connection may have ended with its token
		tr.stays(p)
		tr.terminate(p)
	}
	tr.startReady(i.settings()...)
	tr.finish(60 * time.Second)
	tr.noLongerThan(45 * time.Second)
	i.kept()
}

// token is one that brokers take which look at no signature.
func token(lasts time.Duration) string {
	encode := base64.RawURLEncoding.EncodeToString
	now := time.Now()
	claims := fmt.Sprintf(`{"sub":%q,"iat":%d,"exp":%d,"jti":"canary"}`, user, now.Add(-time.Hour).Unix(), now.Add(lasts).Unix())
	return encode([]byte(`{"alg":"none"}`)) + "." + encode([]byte(claims)) + "."
}
