package faults

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/ouroboros-forge/forge/e2e/faults/brokers"
	"github.com/ouroboros-forge/forge/e2e/faults/subject"
)

// user is who the service is to the brokers.
const user = "subject"

// identity is what the service shows to the brokers, in files as a secret's manager
// writes them.
type identity struct {
	tr                      *trial
	ca, cert, key, password string // the files
	secrets                 [][]byte
}

// identify makes an identity that the brokers know, or skips the trial where they
// have no listener for it.
func (tr *trial) identify(lasts time.Duration) *identity {
	tr.Helper()
	if tr.cluster.Secure(tr.ctx) == nil {
		tr.Skip("the brokers do not listen by SASL_SSL: their script does not know KAFKA_SECURE")
	}
	file := func(name string) string { return filepath.Join(tr.dir, name) }
	i := &identity{tr: tr, ca: file("ca.pem"), cert: file("cert.pem"), key: file("key.pem"), password: file("password")}
	i.trust(tr.cluster.Authority)
	i.renew(lasts)
	i.setPassword(i.newPassword())
	// By the broker's clock: a dead letter may wait for a connection, and is written then.
	tr.create(tr.topic+".dlq", 3, "cleanup.policy", "delete", "message.timestamp.type", "LogAppendTime")
	return i
}

// write replaces a file at once.
func (i *identity) write(name string, b []byte) {
	i.tr.Helper()
	i.tr.must(os.WriteFile(name+".new", b, 0o600))
	i.tr.must(os.Rename(name+".new", name))
}

// trust has the service trust an authority.
func (i *identity) trust(a *brokers.Authority) { i.write(i.ca, a.PEM()) }

// renew gives the service a new certificate.
func (i *identity) renew(lasts time.Duration) {
	i.tr.Helper()
	cert, key, err := i.tr.cluster.Authority.Issue(user, lasts)
	i.tr.must(err)
	i.secrets = append(i.secrets, bytes.Split(key, []byte("\n"))[1])
	i.write(i.key, key)
	i.write(i.cert, cert)
}

// newPassword gives the service another password, which the brokers do not know yet.
func (i *identity) newPassword() string {
	i.tr.Helper()
	password := uuid.NewString()
	i.secrets = append(i.secrets, []byte(password))
	i.write(i.password, []byte(password))
	return password
}

// setPassword tells the brokers of a password.
func (i *identity) setPassword(password string) {
	i.tr.Helper()
	set := kadm.UpsertSCRAM{User: user, Mechanism: kadm.ScramSha256, Iterations: 4096, Password: password}
	_, err := i.tr.observer.Admin.AlterUserSCRAMs(i.tr.ctx, nil, []kadm.UpsertSCRAM{set})
	i.tr.must(err)
}

// settings returns those of the service.
func (i *identity) settings() []string {
	return []string{
		"KAFKA_BOOTSTRAP_SERVERS=" + strings.Join(i.tr.cluster.Secure(i.tr.ctx), ","), "KAFKA_SECURITY_PROTOCOL=SASL_SSL",
		"KAFKA_SASL_MECHANISM=SCRAM-SHA-256", "KAFKA_SASL_USERNAME=" + user, "KAFKA_SASL_PASSWORD_FILE=" + i.password,
		"KAFKA_SSL_CA_FILE=" + i.ca, "KAFKA_SSL_CERT_FILE=" + i.cert, "KAFKA_SSL_KEY_FILE=" + i.key,
	}
}

// kept asks that no life has written a secret.
func (i *identity) kept() {
	i.tr.Helper()
	for _, p := range i.tr.processes {
		log, err := os.ReadFile(p.Log)
		i.tr.must(err)
		for _, secret := range i.secrets {
			if bytes.Contains(log, secret) {
				i.tr.Errorf("the log of %s has a secret", p.Life)
			}
		}
	}
}

// refused has the service start with what the brokers refuse, or what it refuses
// itself, and come right without a restart.
func refused(tr *trial) {
	i := tr.identify(time.Hour)
	tr.begin(3, 100)
	tr.rules.Commit += 10 * time.Second // dead letters wait for a first connection, and for all that came meanwhile
	tr.produce()
	for _, c := range []struct {
		name         string
		wrong, right func()
		says         string
	}{
		{"password", func() { i.newPassword() }, func() {
			b, err := os.ReadFile(i.password)
			tr.must(err)
			i.setPassword(string(b))
		}, "SASL"},
		{"authority", func() {
			other, err := brokers.NewAuthority()
			tr.must(err)
			i.trust(other)
		}, func() { i.trust(tr.cluster.Authority) }, "certificate"},
		{"own certificate", func() { i.renew(-time.Minute) }, func() { i.renew(time.Hour) }, "certificate"},
	} {
		c.wrong()
		p := tr.start(i.settings()...)
		tr.told(p, 20*time.Second, c.says)
		if done := tr.handledSoFar(p); done > 0 {
			tr.Errorf("%d messages were handled with a wrong %s", done, c.name)
		}
		c.right()
		tr.ready(p, 45*time.Second)
		tr.wait(2 * time.Second)
		tr.terminate(p)
	}
	tr.startReady(i.settings()...)
	tr.finish(60 * time.Second)
	i.kept()
}

func (tr *trial) handledSoFar(p *subject.Process) int {
	tr.Helper()
	b, err := os.ReadFile(p.Calls)
	if !os.IsNotExist(err) {
		tr.must(err)
	}
	return bytes.Count(b, []byte("\nE "))
}

// renewed has the certificate, its key and the password replaced while the service
// runs, and all connections broken once the old ones are worth nothing.
func renewed(tr *trial) {
	const lasts = 25 * time.Second
	i := tr.identify(lasts)
	born := time.Now()
	tr.begin(6, 100)
	p := tr.startReady(i.settings()...)
	tr.produce()
	tr.wait(3 * time.Second)
	i.renew(time.Hour)
	i.setPassword(i.newPassword())
	tr.wait(time.Until(born.Add(lasts + 2*time.Second)))
	tr.eventually(15*time.Second, p.Ready) // by old connections and new ones
	tr.cluster.Cut()
	tr.must(tr.cluster.Join())
	tr.rules.Commit += 20 * time.Second
	tr.wait(5 * time.Second)
	tr.eventually(30*time.Second, p.Ready)
	tr.wait(3 * time.Second)
	tr.finish(60 * time.Second)
	tr.noLongerThan(30 * time.Second)
	i.kept()
}

// deadLettersDenied has the service not allowed to write dead letters, and allowed
// later.
func deadLettersDenied(tr *trial) {
	i := tr.identify(time.Hour)
	letters := tr.topic + ".dlq"
	acl := func() *kadm.ACLBuilder {
		return kadm.NewACLs().Topics(letters).ResourcePatternType(kadm.ACLPatternLiteral)
	}
	all := acl().Allow("User:" + user).AllowHosts().Operations(kadm.OpAll)
	denied := acl().Deny("User:" + user).DenyHosts().Operations(kadm.OpWrite)
	for _, b := range []*kadm.ACLBuilder{all, denied} {
		results, err := tr.observer.Admin.CreateACLs(tr.ctx, b)
		tr.must(err)
		for _, r := range results {
			tr.must(r.Err)
		}
	}
	tr.begin(3, 100)
	p := tr.start(i.settings()...)
	tr.ready(p, time.Minute)
	tr.produce()
	tr.told(p, 30*time.Second, tr.topic, "refused")
	tr.wait(5 * time.Second)
	if dead, err := tr.observer.Dead(tr.ctx, tr.topic); err != nil || len(dead) > 0 {
		tr.Errorf("%d dead letters that may not be written, %v", len(dead), err)
	}
	_, err := tr.observer.Admin.DeleteACLs(tr.ctx, denied)
	tr.must(err)
	tr.eventually(60*time.Second, p.Ready)
	tr.wait(3 * time.Second)
	tr.finish(60 * time.Second)
	if tr.total.Dead == 0 {
		tr.Errorf("no dead letters in %s", letters)
	}
}
