package config

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-playground/validator/v10"
)

// rules are what validate tags may say beside the rules of validator.
var rules = map[string]struct {
	words string
	ok    func(string) bool
}{
	"broker":       {"host:port, several separated by commas", func(s string) bool { return isAddress(s, 1) && s[0] != ':' }},
	"listen":       {"host:port or :port", func(s string) bool { return isAddress(s, 0) }},
	"name":         {"printable, at most 249 bytes, without a blank at an end", isName},
	"instance":     {"1 to 249 letters, digits, dots, dashes and underscores", regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`).MatchString},
	"certificates": {"certificates in PEM", func(s string) bool { return x509.NewCertPool().AppendCertsFromPEM([]byte(s)) }},
	"key":          {"a private key in PEM, not encrypted", isKey},
}

var validate = func() *validator.Validate {
	v := validator.New()
	for name, rule := range rules {
		if err := v.RegisterValidation(name, func(f validator.FieldLevel) bool { return rule.ok(f.Field().String()) }); err != nil {
			panic(err)
		}
	}
	return v
}()

// isAddress reports whether s is host:port with a port of at least least. The
// host may be empty.
func isAddress(s string, least int) bool {
	host, port, err := net.SplitHostPort(s)
	n, errPort := strconv.Atoi(port)
	return err == nil && errPort == nil && n >= least && n <= 65535 && !strings.ContainsAny(host, " /@\t\r\n")
}

func isName(s string) bool {
	hidden := func(r rune) bool { return !unicode.IsPrint(r) }
	return len(s) <= 249 && utf8.ValidString(s) && strings.TrimSpace(s) == s && !strings.ContainsFunc(s, hidden)
}

func isKey(s string) bool {
	block, _ := pem.Decode([]byte(s))
	return block != nil && strings.HasSuffix(block.Type, "PRIVATE KEY") && !strings.Contains(block.Type, "ENCRYPTED")
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
	text := fmt.Sprintf(format, args...)
	if ok || l.failed[name] || slices.ContainsFunc(settingName.FindAllString(text, -1), func(other string) bool { return l.failed[other] }) {
		return
	}
	s, _ := l.setting(name)
	l.refuse(s, l.values[name], "%s", text)
}

var settingName = regexp.MustCompile(`[A-Z]+(_[A-Z]+)+`)
