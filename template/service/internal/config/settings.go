package config

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/caarlos0/env/v11"
	"github.com/go-playground/validator/v10"
)

// Setting describes one setting.
type Setting struct {
	Name    string
	Default string // empty when there is none
	Allowed string // what a value must be, in words
	Help    string // what it is for, in one line
	Secret  bool   // never shown
	File    bool   // may be given as NAME_FILE, the name of a file that holds the value

	value  reflect.Value
	field  reflect.StructField
	prefix string // from envPrefix, part of Name
}

const (
	fileSuffix = "_FILE"       // turns a setting's name into the one that names a file
	configFile = "CONFIG_FILE" // the one setting that is read before the others
)

// The sources of settings, beside YAML files.
const (
	fromOverride    = "override"
	fromFlag        = "--config"
	fromEnvironment = "environment"
	dotEnv          = ".env" // in the working directory
)

// entry is what a source says of a setting.
type entry struct {
	name, text string
	place      string // the source, with the line if it is a file: environment, .env:3
	file       string // that holds the text, if NAME_FILE names one
}

// Settings lists the settings of target, a pointer to a struct with the tags of
// this package, such as new(Config); none of nil.
func Settings(target any) []Setting {
	if target == nil {
		return nil
	}
	return appendSettings(nil, reflect.ValueOf(target).Elem(), "")
}

// consumerSettings are those that a further consumer may have for itself, as NAME_….
var consumerSettings = Settings(new(Source))

func appendSettings(all []Setting, section reflect.Value, prefix string) []Setting {
	for f, value := range section.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("env"), ",")
		switch {
		case !f.IsExported() || name == "-":
		case name != "":
			secret := f.Type == reflect.TypeFor[Secret]()
			all = append(all, Setting{
				Name: prefix + name, Default: cmp.Or(sourceDefaults[name], f.Tag.Get("envDefault")), Allowed: allowed(f), Help: cmp.Or(sourceHelp[name], f.Tag.Get("help")),
				Secret: secret, File: secret || f.Tag.Get("file") == "true", value: value, field: f, prefix: prefix,
			})
		case value.Kind() == reflect.Struct:
			all = appendSettings(all, value, prefix+f.Tag.Get("envPrefix"))
		}
	}
	return all
}

// kinds are what a value of a type must be, in words; others are text.
var kinds = map[string]string{
	"time.Duration": "a duration such as 500ms or 5s", "bool": "true or false",
	"int": "a whole number", "int64": "a whole number", "uint16": "a whole number", "float64": "a number",
}

// allowed describes the accepted values for error messages.
func allowed(f reflect.StructField) string {
	rule := strings.NewReplacer("required", "", "omitempty", "", "dive", "", "min=", "from ", ",max=", " to ").Replace(f.Tag.Get("validate"))
	rule = strings.Trim(rule, ",")
	if words, ok := strings.CutPrefix(rule, "oneof="); ok {
		return "one of " + strings.ReplaceAll(words, " ", ", ")
	}
	what := cmp.Or(kinds[f.Type.String()], "text") + ", " + rule
	return cmp.Or(f.Tag.Get("allowed"), rules[rule].words, strings.TrimSuffix(what, ", "))
}

// parse gives the setting's field the value of text, or the default without one.
// env takes a struct: here one of this field alone, so that an error is about it.
func (s Setting) parse(text string) error {
	if s.value.Kind() == reflect.Slice { // blanks and empty elements count for nothing
		text = strings.Trim(commas.ReplaceAllString(text, ","), ", ")
	}
	environment := make(map[string]string)
	if text = cmp.Or(text, s.Default); text != "" {
		environment[s.Name] = text
	}
	one := reflect.New(reflect.StructOf([]reflect.StructField{{Name: "Value", Type: s.field.Type, Tag: s.field.Tag}}))
	one.Elem().Field(0).Set(s.value)
	err := env.ParseWithOptions(one.Interface(), env.Options{Environment: environment, Prefix: s.prefix})
	if err == nil {
		s.value.Set(one.Elem().Field(0))
	}
	return err
}

// show returns the given, default or derived value. A secret or a certificate is redacted, but the whole path of
// its file is not.
func (s Setting) show(e entry) string {
	text := cmp.Or(e.text, s.Default)
	if text == "" && !s.value.IsZero() {
		text = fmt.Sprint(s.value)
	}
	if isPath := isFileName.MatchString(e.name) && filepath.IsAbs(text); (s.File || isSecret.MatchString(s.Name)) && text != "" && !isPath {
		return redacted
	}
	return Redact(text)
}

// Redact returns text without what comes before the host in a URL.
func Redact(text string) string { return userInfo.ReplaceAllString(text, "${1}${2}"+redacted+"@") }

var (
	// userInfo is what comes before the host in a URL, or in a list of hosts: it may
	// have a password.
	userInfo   = regexp.MustCompile(`(://)\S*@|(^|,)[^,/\s]*:[^,/\s][^,\s]*@`)
	isFileName = regexp.MustCompile(`(?i)_file$|\.location$`) // of a setting that names a file
	// isSecret is of settings whose type does not say so.
	isSecret = regexp.MustCompile(`(?i)passw(or)?d|secret|token|api_?key|credential|dsn`)
	inQuotes = regexp.MustCompile(`^("[^"]*"|'[^']*')$`)
	commas   = regexp.MustCompile(`\s*,[\s,]*`)
)

// Secret is a string that no log, error or format verb shows. Convert it to a
// string where it is used.
type Secret string

const redacted = "[redacted]"

// Format writes a stand-in, or nothing for an empty secret, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) {
	text, _ := s.MarshalText()
	_, _ = f.Write(text)
}

// MarshalText returns a stand-in, or nothing for an empty secret. JSON, YAML and
// slog ask for it.
func (s Secret) MarshalText() ([]byte, error) {
	if s == "" {
		return nil, nil
	}
	return []byte(redacted), nil
}

// rules are what validate tags may say beside the rules of validator.
var rules = map[string]struct {
	words string
	ok    func(string) bool
}{
	"broker":       {"host:port, several separated by commas; a port is 1 to 65535", func(s string) bool { return isAddress(s, 1) && s[0] != ':' }},
	"listen":       {"host:port or :port; a port is 0 to 65535", func(s string) bool { return isAddress(s, 0) }},
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
	_ = v.RegisterValidation("validateFn", func(validator.FieldLevel) bool { panic("validateFn is for models, not for settings") })
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

// ClientTLS returns what a client needs to speak TLS, from settings that are certificates
// in PEM: those that sign servers', the system's if there are none, and its own with its
// key, if it has one. Their names begin with prefix.
func ClientTLS(prefix, ca, cert string, key Secret) (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM([]byte(ca)) {
			return nil, fmt.Errorf("%sCA has no certificate in PEM", prefix)
		}
	}
	if cert != "" {
		pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
		if err != nil {
			return nil, fmt.Errorf("%sCERT and %[1]sKEY: %w", prefix, err)
		}
		t.Certificates = []tls.Certificate{pair}
	}
	return t, nil
}

func isKey(s string) bool {
	block, _ := pem.Decode([]byte(s))
	return block != nil && strings.HasSuffix(block.Type, "PRIVATE KEY") && !strings.Contains(block.Type, "ENCRYPTED")
}
