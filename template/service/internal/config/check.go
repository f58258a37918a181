package config

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// rule is a check that no tag of its own can express.
type rule struct {
	allowed string
	ok      func(value string) bool
}

// checks are the rules that a field's check tag names.
var checks = map[string]rule{
	"brokers": {"host:port, several separated by commas", func(v string) bool {
		return !slices.ContainsFunc(strings.Split(v, ","), func(b string) bool { return !isAddress(b, 1) || strings.HasPrefix(b, ":") })
	}},
	"listen":       {"host:port or :port", func(v string) bool { return isAddress(v, 0) }},
	"name":         {"printable, at most 249 bytes", isName},
	"instance":     {"1 to 249 letters, digits, dots, dashes and underscores", instance.MatchString},
	"urls":         {"http:// or https:// URLs without user or password, several separated by commas", areURLs}, //forge:if avro
	"certificates": {"certificates in PEM", func(v string) bool { return x509.NewCertPool().AppendCertsFromPEM([]byte(v)) }},
	"key": {"a private key in PEM, not encrypted", func(v string) bool {
		block, _ := pem.Decode([]byte(v))
		return block != nil && strings.HasSuffix(block.Type, "PRIVATE KEY") && !strings.Contains(block.Type, "ENCRYPTED")
	}},
}

var instance = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

func isName(v string) bool {
	hidden := func(r rune) bool { return !unicode.IsPrint(r) }
	return len(v) <= 249 && utf8.ValidString(v) && strings.TrimSpace(v) != "" && !strings.ContainsFunc(v, hidden)
}

// isAddress reports whether v is host:port with a port of at least least. The
// host may be empty.
func isAddress(v string, least int) bool {
	host, port, err := net.SplitHostPort(v)
	if err != nil || strings.ContainsAny(host, " /\t\r\n") {
		return false
	}
	n, err := strconv.Atoi(port)
	return err == nil && n >= least && n <= 65535
}

// check tests each setting by its tags, then those that depend on each other.
func (p *problems) check(cfg *Config) {
	cfg.Kafka.Brokers = trim(cfg.Kafka.Brokers)
	cfg.Registry.URLs = trim(cfg.Registry.URLs) //forge:if avro
	for f := range fields(cfg) {
		if !p.failed[f.Name] {
			p.checkField(f)
		}
	}
	if cfg.Service == "" {
		cfg.Service = cfg.Kafka.GroupID
	}
	if cfg.Kafka.ClientID == "" {
		cfg.Kafka.ClientID = cfg.Service
	}
	p.checkTimeouts(cfg.Kafka)
	p.checkSecurity(cfg.Kafka)
	p.checkRegistry(cfg.Registry) //forge:if avro
}

// trim takes spaces and empty elements, such as after a last comma, out of a
// list.
func trim(list []string) []string {
	var out []string
	for _, s := range list {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

func (p *problems) checkField(f field) {
	value := f.text()
	if f.File {
		value = f.value.String()
	}
	oneof := strings.Fields(f.tag.Get("oneof"))
	rule, ruled := checks[f.tag.Get("check")]
	switch {
	case value == "" && f.tag.Get("required") == "true":
		p.add(f.Setting, "", "must be %s (an example of all settings is in .env.example)", p.allowed(f))
	case value == "":
	case f.Name == "KAFKA_ENABLE_AUTO_COMMIT" && value == "true":
		p.add(f.Setting, value, "must be false: a commit by the clock passes messages that are not done, and a crash then loses them")
	case len(oneof) > 0 && !slices.Contains(oneof, value),
		ruled && !rule.ok(value),
		!inRange(f):
		p.add(f.Setting, value, "must be %s", p.allowed(f))
	}
}

// inRange reports whether a number or a duration lies between its tags min and
// max. Other fields always do.
func inRange(f field) bool {
	var least, most int64
	switch f.value.Interface().(type) {
	case time.Duration:
		low, _ := time.ParseDuration(f.tag.Get("min"))
		high, _ := time.ParseDuration(f.tag.Get("max"))
		least, most = int64(low), int64(high)
	case int, int64:
		least, _ = strconv.ParseInt(f.tag.Get("min"), 10, 64)
		most, _ = strconv.ParseInt(f.tag.Get("max"), 10, 64)
	default:
		return true
	}
	return f.value.Int() >= least && f.value.Int() <= most
}

// joinMargin is the time that joining a group takes beside draining and one
// answer of a hung broker.
const joinMargin = 5 * time.Second

// checkTimeouts refuses timeouts that work against each other. A broker that
// hangs holds a revocation up for the read timeout, and who has not drained
// and joined again within the rebalance timeout loses its partitions with
// their commits.
func (p *problems) checkTimeouts(k Kafka) {
	p.relate(k.HeartbeatInterval*3 <= k.SessionTimeout, "KAFKA_HEARTBEAT_INTERVAL", k.HeartbeatInterval,
		"must be at most a third of KAFKA_SESSION_TIMEOUT (%v), or one late heartbeat costs the partitions", k.SessionTimeout)
	p.relate(k.DrainTimeout < k.ReadTimeout, "KAFKA_DRAIN_TIMEOUT", k.DrainTimeout,
		"must be less than KAFKA_READ_TIMEOUT (%v)", k.ReadTimeout)
	p.relate(k.DrainTimeout+k.ReadTimeout+joinMargin < k.RebalanceTimeout, "KAFKA_REBALANCE_TIMEOUT", k.RebalanceTimeout,
		"must be more than KAFKA_DRAIN_TIMEOUT (%v) + KAFKA_READ_TIMEOUT (%v) + %v, or a slow drain loses the partitions before it commits",
		k.DrainTimeout, k.ReadTimeout, joinMargin)
	p.relate(k.FetchMaxWait < k.ReadTimeout, "KAFKA_FETCH_MAX_WAIT", k.FetchMaxWait,
		"must be less than KAFKA_READ_TIMEOUT (%v)", k.ReadTimeout)
	p.relate(k.RetryDelay <= k.RetryMaxDelay, "KAFKA_RETRY_DELAY", k.RetryDelay,
		"must be at most KAFKA_RETRY_MAX_DELAY (%v)", k.RetryMaxDelay)
	p.relate(k.PublishRetryDelay <= k.PublishRetryMaxDelay, "KAFKA_PUBLISH_RETRY_DELAY", k.PublishRetryDelay,
		"must be at most KAFKA_PUBLISH_RETRY_MAX_DELAY (%v)", k.PublishRetryMaxDelay)
	p.relate(k.StuckAfter == 0 || k.StuckAfter > k.HandlerTimeout, "KAFKA_STUCK_AFTER", k.StuckAfter,
		"must be more than KAFKA_HANDLER_TIMEOUT (%v), or 0s", k.HandlerTimeout)
}

// relate notes a duration that does not fit to others, unless it or one of
// them was refused already.
func (p *problems) relate(ok bool, name string, value time.Duration, format string, args ...any) {
	if ok || p.failed[name] {
		return
	}
	for _, other := range settingName.FindAllString(format, -1) {
		if p.failed[other] {
			return
		}
	}
	p.add(Setting{Name: name}, value.String(), format, args...)
}

var settingName = regexp.MustCompile(`KAFKA_[A-Z_]+`)

// checkSecurity refuses what is missing for the security protocol, and what
// would be set in vain: a password that is never sent is a mistake.
func (p *problems) checkSecurity(k Kafka) {
	if p.failed["KAFKA_SECURITY_PROTOCOL"] {
		return
	}
	credentials := map[string]string{"KAFKA_SASL_USERNAME": k.SASLUsername, "KAFKA_SASL_PASSWORD": string(k.SASLPassword)}
	certificates := map[string]string{"KAFKA_SSL_CA": k.SSLCA, "KAFKA_SSL_CERT": k.SSLCert, "KAFKA_SSL_KEY": string(k.SSLKey)}
	for _, s := range Settings() {
		value, sasl := credentials[s.Name]
		material, ssl := certificates[s.Name]
		switch {
		case p.failed[s.Name]:
		case sasl && k.SASL() && value == "":
			p.add(s, "", "must be set with KAFKA_SECURITY_PROTOCOL=%s", k.SecurityProtocol)
		case sasl && !k.SASL() && value != "":
			p.add(s, value, "is not used with KAFKA_SECURITY_PROTOCOL=%s; SASL_SSL would use it", k.SecurityProtocol)
		case ssl && !k.TLS() && material != "":
			p.add(s, material, "is not used with KAFKA_SECURITY_PROTOCOL=%s; SSL or SASL_SSL would use it", k.SecurityProtocol)
		}
	}
	p.checkKeyPair(k)
}

func (p *problems) checkKeyPair(k Kafka) {
	if !k.TLS() || p.failed["KAFKA_SSL_CERT"] || p.failed["KAFKA_SSL_KEY"] {
		return
	}
	switch key := (Setting{Name: "KAFKA_SSL_KEY", Secret: true}); {
	case k.SSLCert == "" && k.SSLKey == "":
	case k.SSLKey == "":
		p.add(key, "", "must be set with KAFKA_SSL_CERT")
	case k.SSLCert == "":
		p.add(Setting{Name: "KAFKA_SSL_CERT"}, "", "must be set with KAFKA_SSL_KEY")
	default:
		if _, err := tls.X509KeyPair([]byte(k.SSLCert), []byte(k.SSLKey)); err != nil {
			p.add(key, string(k.SSLKey), "must be the key of KAFKA_SSL_CERT: %v", err)
		}
	}
}
