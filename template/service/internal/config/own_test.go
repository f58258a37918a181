//go:build !jetstream && !rabbitmq

package config

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

// own is what a service's own code may have for settings.
type own struct {
	DatabaseURL Secret `env:"DATABASE_URL" validate:"required" help:"where accounts are stored"`
	Gateway     struct {
		URL     url.URL       `env:"URL" help:"the gateway for payments"`
		Timeout time.Duration `env:"TIMEOUT" envDefault:"2s" validate:"min=10ms,max=1m" help:"time for one payment"`
		Tags    []string      `env:"TAGS" validate:"max=2,dive,alpha" allowed:"at most two words" help:"tags of a payment"`
	} `envPrefix:"GATEWAY_"`
	Report struct {
		Timeout time.Duration `env:"REPORT_TIMEOUT" envDefault:"1m" help:"time for the report"`
		Size    int           `env:"REPORT_SIZE" envDefault:"3" validate:"oneof=1 3 5"`
	}
	Currency string `env:"CURRENCY,required" validate:"iso4217"`
}

func TestOwnSettingsAreReadAsTheServicesAre(t *testing.T) {
	inDir(t, "url", "postgres://u:hunter2@db\n", ".env", "GATEWAY_TIMEOUT=5s\nGATEWAY_URL=https://u:hunter2@pay\nREPORT_TIMEOUT=7s\nCURRENCY=EUR\n",
		"config.yaml", "report_size: 5\ngateway_tags: [a, b]\nkafka_group_id: g\nbootstrap.servers: a:1\nreport_timeout: 9s\n")
	var s own
	cfg, err := load("", map[string]string{"REPORT_TIMEOUT": ""}, map[string]string{"DATABASE_URL_FILE": "url", "CONFIG_FILE": "config.yaml"}, &s)
	if err != nil {
		t.Fatal(err)
	}
	if string(s.DatabaseURL) != "postgres://u:hunter2@db" || s.Gateway.URL.Host != "pay" || s.Gateway.Timeout != 5*time.Second ||
		strings.Join(s.Gateway.Tags, "|") != "a|b" || s.Report.Timeout != time.Minute || s.Report.Size != 5 || s.Currency != "EUR" {
		t.Errorf("%+v", s)
	}
	lines := explained(t, cfg)
	for _, want := range []string{
		"DATABASE_URL=[redacted] # url (DATABASE_URL_FILE, environment)",
		"GATEWAY_URL=https://[redacted]@pay # .env:2",
		"REPORT_SIZE=5 # config.yaml:1",
		"GATEWAY_TAGS=a,b # config.yaml:2",
	} {
		if name, _, _ := strings.Cut(want, "="); lines[name] != want {
			t.Errorf("got  %s\nwant %s", lines[name], want)
		}
	}
	if unread := cfg.CheckUnread(true); len(unread) > 0 {
		t.Errorf("unread %q", unread)
	}
}

func TestOwnSettingsAreRefusedAsTheServicesAre(t *testing.T) {
	inDir(t, ".env", "GATEWAY_TIMEOUT=1h\nGATEWAY_TAGS=a,b,c\nREPORT_TIMEOUT=soon\nGATEWAY_URL='https://u:hunter2@a b'\n", "config.yaml", "databse_url: x\nreport_size: 2")
	_, err := load("config.yaml", nil, least(), new(own))
	equal(t, problemsOf(t, err),
		"config.yaml:1: databse_url is not a setting; the config command lists those that are",
		"DATABASE_URL is not set: required: where accounts are stored",
		`.env:4: GATEWAY_URL="https://[redacted]@a b": must be text`,
		`.env:1: GATEWAY_TIMEOUT="1h": must be a duration such as 500ms or 5s, from 10ms to 1m`,
		`.env:2: GATEWAY_TAGS="a,b,c": must be at most two words`,
		`.env:3: REPORT_TIMEOUT="soon": must be a duration such as 500ms or 5s`,
		`config.yaml:2: report_size="2": must be one of 1, 3, 5`,
		`CURRENCY is not set: required: text, iso4217`,
	)
}

func TestAnOwnSettingMayNotHaveTheNameOfAnother(t *testing.T) {
	var clash struct {
		Group    string `env:"KAFKA_GROUP_ID"`
		Password string `env:"KAFKA_SASL_PASSWORD_FILE"`
		A        string `env:"A"`
		B        string `env:"A"`
		Fine     string `env:"SHOP_KAFKA_GROUP_ID"`
	}
	_, err := FromMap(least(), &clash)
	equal(t, problemsOf(t, err),
		"own setting KAFKA_GROUP_ID: the name is taken by another setting",
		"own setting KAFKA_SASL_PASSWORD_FILE: the name is taken by another setting",
		"own setting A: the name is taken by another setting",
	)
}

func TestSettingsListsOwnSettings(t *testing.T) {
	all := Settings(new(own))
	if len(all) != 7 || all[0].Name != "DATABASE_URL" || !all[0].Secret || !all[0].File || all[2].Name != "GATEWAY_TIMEOUT" || all[2].Default != "2s" || all[2].Help != "time for one payment" {
		t.Errorf("%+v", all)
	}
}

func TestAWrongTagOfASettingIsNamed(t *testing.T) {
	values := least()
	values["PORT"], values["SIZE"] = "7", "7"
	_, err := FromMap(values, &struct {
		Host string `env:"HOST"`
		Port int    `env:"PORT" validate:"minn=0"`
		Size int    `env:"SIZE" validate:"min=one"`
		Free int    `env:"FREE" validate:"validateFn=IsFree"` // a build tag takes it away
	}{})
	equal(t, problemsOf(t, err),
		`own setting PORT: wrong validate tag "minn=0": Undefined validation function 'minn'`,
		`own setting SIZE: wrong validate tag "min=one": strconv.ParseInt: parsing "one": invalid syntax`,
		`own setting FREE: wrong validate tag "validateFn=IsFree": validateFn is for models, not for settings`)
}
