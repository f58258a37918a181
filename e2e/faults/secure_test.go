package faults

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/ouroboros-forge/forge/e2e/faults/brokers"
	"github.com/ouroboros-forge/forge/e2e/faults/load"
	"github.com/ouroboros-forge/forge/e2e/faults/subject"
)

// user is who the service is to the brokers.
const user = "subject"

// identity is what the service shows to the brokers, in files as a secret's manager
// writes them.
type identity struct {
	tr                      *trial
	mechanism               string
	ca, cert, key, password string // the files
	secrets                 []string
}

// identify makes an identity that the brokers know, with the rights that the service
// asks for, or skips the trial where they have no listener for it.
func (tr *trial) identify(lasts time.Duration) *identity {
	tr.Helper()
	if tr.cluster.Secure(tr.ctx) == nil {
		tr.Skip("the brokers do not listen by SASL_SSL: their script does not know KAFKA_SECURE")
	}
	file := func(name string) string { return filepath.Join(tr.dir, name) }
	i := &identity{tr: tr, mechanism: "SCRAM-SHA-256", ca: file("ca.pem"), cert: file("cert.pem"), key: file("key.pem"), password: file("password")}
	i.trust(tr.cluster.Authority)
	i.renew(lasts)
	i.setPassword(i.newPassword())
	i.allow(i.rights()...)
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
	i.secrets = append(i.secrets, strings.Split(string(key), "\n")[1])
	i.write(i.key, key)
	i.write(i.cert, cert)
}

// newPassword gives the service another password, which the brokers do not know yet.
func (i *identity) newPassword() string {
	i.tr.Helper()
	password := canary()
	i.keep(password)
	return password
}

// keep has the service use a password, or a token.
func (i *identity) keep(password string) {
	i.tr.Helper()
	i.secrets = append(i.secrets, password)
	i.write(i.password, []byte(password))
}

// setPassword tells the brokers of a password.
func (i *identity) setPassword(password string) {
	i.tr.Helper()
	for _, mechanism := range []kadm.ScramMechanism{kadm.ScramSha256, kadm.ScramSha512} { // one in a request
		set := kadm.UpsertSCRAM{User: user, Mechanism: mechanism, Iterations: 4096, Password: password}
		results, err := i.tr.observer.Admin.AlterUserSCRAMs(i.tr.ctx, nil, []kadm.UpsertSCRAM{set})
		i.tr.must(err)
		i.tr.must(results.Error())
	}
}

// settings returns those of the service.
func (i *identity) settings() []string {
	return []string{
		"KAFKA_BOOTSTRAP_SERVERS=" + strings.Join(i.tr.cluster.Secure(i.tr.ctx), ","), "KAFKA_SECURITY_PROTOCOL=SASL_SSL",
		"KAFKA_SASL_MECHANISM=" + i.mechanism, "KAFKA_SASL_USERNAME=" + user, "KAFKA_SASL_PASSWORD_FILE=" + i.password,
		"KAFKA_SSL_CA_FILE=" + i.ca, "KAFKA_SSL_CERT_FILE=" + i.cert, "KAFKA_SSL_KEY_FILE=" + i.key,
	}
}

// noted has messages carry a text, which is a secret.
func (i *identity) noted(p *load.Producer) {
	note := canary()
	i.secrets = append(i.secrets, note)
	p.Ask = func(r *rand.Rand, key int) load.Ask {
		ask := load.Mixed(r, key)
		ask.Note = note
		return ask
	}
}

// canary is a text that is nowhere else. `dlq ls` shows no digits.
func canary() string {
	return "canary-" + strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r - '0' + 'p'
		}
		return r
	}, uuid.NewString())
}

// silent asks that none of the secrets is in what was told somewhere.
func (i *identity) silent(where, told string) {
	i.tr.Helper()
	for _, secret := range i.secrets {
		if at := strings.Index(told, secret); at >= 0 {
			i.tr.Errorf("a secret is told by %s: %.300s", where, told[max(0, at-200):])
		}
	}
}

// kept asks that no life has told a secret, and that no command does.
func (i *identity) kept() {
	i.tr.Helper()
	for _, p := range i.tr.processes {
		log, err := os.ReadFile(p.Log)
		i.tr.must(err)
		i.silent("the log of "+p.Life, string(log))
	}
	for _, command := range [][]string{{"config"}, {"version"}, {"lag"}, {"acl"}, {"dlq", "ls"}, {"help"}} {
		out, err := i.command(command...)
		if err != nil {
			i.tr.Errorf("%q: %v: %s", command, err, out)
		}
		i.silent(strings.Join(command, " "), out)
	}
}

// command runs a command of the service.
func (i *identity) command(args ...string) (string, error) {
	return subject.Command(i.tr.ctx, i.tr.binary, i.tr.dir, subject.Settings(i.tr.cluster.Direct(), i.tr.group, []string{i.tr.topic}, i.settings()...), args...)
}

// refused has the service start with what the brokers refuse, or what it refuses
// itself, and come right without a restart.
func refused(tr *trial) {
	i := tr.identify(time.Hour)
	tr.begin(3, 100, i.noted)
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
		}, "by SCRAM-SHA-256: SASL_AUTHENTICATION_FAILED"},
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
		i.silent("pages with a wrong "+c.name, p.Pages())
		if out, err := i.command("lag"); err == nil {
			tr.Errorf("with a wrong %s `lag` says %s", c.name, out)
		} else {
			i.silent("lag with a wrong "+c.name, out)
		}
		if done := tr.handledSoFar(p); done > 0 {
			tr.Errorf("%d messages were handled with a wrong %s", done, c.name)
		}
		c.right()
		tr.ready(p, 45*time.Second)
		tr.wait(2 * time.Second)
		i.silent("pages", p.Pages())
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
	tr.begin(6, 100, i.noted)
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
	denied := kadm.NewACLs().Topics(letters).ResourcePatternType(kadm.ACLPatternLiteral).Deny("User:" + user).DenyHosts().Operations(kadm.OpWrite)
	i.create(denied)
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
