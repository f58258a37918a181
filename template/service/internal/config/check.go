package config

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-playground/validator/v10"
)

// rules are validator's, with those of this package.
var rules = newRules()

func newRules() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	for name, ok := range map[string]func(string) bool{
		"broker":       func(s string) bool { return isAddress(s, 1) && !strings.HasPrefix(s, ":") },
		"listen":       func(s string) bool { return isAddress(s, 0) },
		"name":         isName,
		"instance":     regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`).MatchString,
		"certificates": func(s string) bool { return x509.NewCertPool().AppendCertsFromPEM([]byte(s)) },
		"key":          isKey,
	} {
		if err := v.RegisterValidation(name, func(field validator.FieldLevel) bool { return ok(field.Field().String()) }); err != nil {
			panic(err) // only for a name that is empty
		}
	}
	return v
}

// isAddress reports whether s is host:port with a port of at least least. The
// host may be empty.
func isAddress(s string, least int) bool {
	host, port, err := net.SplitHostPort(s)
	if err != nil || strings.ContainsAny(host, " /@\t\r\n") {
		return false
	}
	n, err := strconv.Atoi(port)
	return err == nil && n >= least && n <= 65535
}

func isName(s string) bool {
	hidden := func(r rune) bool { return !unicode.IsPrint(r) }
	return len(s) <= 249 && utf8.ValidString(s) && strings.TrimSpace(s) == s && !strings.ContainsFunc(s, hidden)
}

func isKey(s string) bool {
	block, _ := pem.Decode([]byte(s))
	return block != nil && strings.HasSuffix(block.Type, "PRIVATE KEY") && !strings.Contains(block.Type, "ENCRYPTED")
}

// validate checks each field of target, a pointer to a struct, by its tag.
func (l *loader) validate(target any) {
	var wrong validator.ValidationErrors
	if !errors.As(rules.Struct(target), &wrong) {
		return
	}
	fields := fieldsOf(target)
	for _, w := range wrong {
		path, _, _ := strings.Cut(strings.TrimPrefix(w.StructNamespace(), reflect.TypeOf(target).Elem().Name()+"."), "[")
		i := slices.IndexFunc(fields, func(f field) bool { return f.path == path })
		switch {
		case i < 0:
			l.note("%s does not pass %s", w.StructNamespace(), w.Tag())
		case l.failed[fields[i].Name]:
		case l.given[fields[i].Name].text == "" && fields[i].Default == "":
			l.refuse(fields[i], value{}, "%s", fields[i].missing())
		default:
			l.refuse(fields[i], l.given[fields[i].Name], "must be %s", fields[i].Allowed)
		}
	}
}

// joinMargin is the time that joining a group takes beside draining and one
// answer of a hung broker.
const joinMargin = 5 * time.Second

// checkKafka refuses settings that do not fit together. A broker that hangs
// holds a revocation up for the read timeout, and a member that has not drained
// and joined again within the rebalance timeout loses its partitions with their
// commits.
func (l *loader) checkKafka(k *Kafka) {
	l.relate(k.HeartbeatInterval*3 <= k.SessionTimeout, "KAFKA_HEARTBEAT_INTERVAL",
		"must be at most a third of KAFKA_SESSION_TIMEOUT (%v), or one late heartbeat costs the partitions", k.SessionTimeout)
	l.relate(k.DrainTimeout < k.ReadTimeout, "KAFKA_DRAIN_TIMEOUT",
		"must be less than KAFKA_READ_TIMEOUT (%v)", k.ReadTimeout)
	l.relate(k.DrainTimeout+k.ReadTimeout+joinMargin < k.RebalanceTimeout, "KAFKA_REBALANCE_TIMEOUT",
		"must be more than KAFKA_DRAIN_TIMEOUT (%v) + KAFKA_READ_TIMEOUT (%v) + %v, or a slow drain loses the partitions before it commits",
		k.DrainTimeout, k.ReadTimeout, joinMargin)
	l.relate(k.FetchMaxWait < k.ReadTimeout, "KAFKA_FETCH_MAX_WAIT",
		"must be less than KAFKA_READ_TIMEOUT (%v)", k.ReadTimeout)
	l.relate(k.RetryDelay <= k.RetryMaxDelay, "KAFKA_RETRY_DELAY",
		"must be at most KAFKA_RETRY_MAX_DELAY (%v)", k.RetryMaxDelay)
	l.relate(k.PublishRetryDelay <= k.PublishRetryMaxDelay, "KAFKA_PUBLISH_RETRY_DELAY",
		"must be at most KAFKA_PUBLISH_RETRY_MAX_DELAY (%v)", k.PublishRetryMaxDelay)
	l.relate(k.StuckAfter == 0 || k.StuckAfter > k.HandlerTimeout, "KAFKA_STUCK_AFTER",
		"must be more than KAFKA_HANDLER_TIMEOUT (%v), or 0s", k.HandlerTimeout)

	for _, s := range []struct{ name, value string }{{"KAFKA_SASL_USERNAME", k.SASLUsername}, {"KAFKA_SASL_PASSWORD", string(k.SASLPassword)}} {
		l.relate(!k.SASL() || s.value != "", s.name, "must be set with KAFKA_SECURITY_PROTOCOL=%s", k.SecurityProtocol)
		l.relate(k.SASL() || s.value == "", s.name, "is not used with KAFKA_SECURITY_PROTOCOL=%s; SASL_SSL would use it", k.SecurityProtocol)
	}
	for _, s := range []struct{ name, value string }{{"KAFKA_SSL_CA", k.SSLCA}, {"KAFKA_SSL_CERT", k.SSLCert}, {"KAFKA_SSL_KEY", string(k.SSLKey)}} {
		l.relate(k.TLS() || s.value == "", s.name, "is not used with KAFKA_SECURITY_PROTOCOL=%s; SSL or SASL_SSL would use it", k.SecurityProtocol)
	}
	l.checkKeyPair("KAFKA_SSL_CERT", k.SSLCert, "KAFKA_SSL_KEY", string(k.SSLKey))
}

// checkKeyPair refuses a certificate without its key, and the reverse.
func (l *loader) checkKeyPair(certName, cert, keyName, key string) {
	l.relate(key == "" || cert != "", certName, "must be set with %s", keyName)
	l.relate(cert == "" || key != "", keyName, "must be set with %s", certName)
	if cert != "" && key != "" && !l.failed[certName] {
		_, err := tls.X509KeyPair([]byte(cert), []byte(key))
		l.relate(err == nil, keyName, "must be the key of %s: %v", certName, err)
	}
}

// relate refuses a value that does not fit to other settings, unless it or one
// of those in the text was refused already.
func (l *loader) relate(ok bool, name, format string, args ...any) {
	if ok || l.failed[name] || slices.ContainsFunc(settingName.FindAllString(format, -1), func(other string) bool { return l.failed[other] }) {
		return
	}
	i := slices.IndexFunc(l.fields, func(f field) bool { return f.Name == name })
	l.refuse(l.fields[i], l.given[name], format, args...)
}

var settingName = regexp.MustCompile(`[A-Z]+(_[A-Z]+)+`)
