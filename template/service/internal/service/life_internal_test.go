package service

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
)

func TestTheEndSharesOneDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct{ after, timeout, want time.Duration }{
			{0, 15 * time.Second, 15 * time.Second},
			{5 * time.Second, 15 * time.Second, 10 * time.Second},
			{14 * time.Second, 15 * time.Second, grace}, // never nothing
			{time.Hour, 15 * time.Second, grace},
			{0, time.Second, time.Second}, // never more than a drain
		} {
			s := &Service{stopped: time.Now(), b: &Builder{consumers: []consumer{{source: config.Source{Engine: config.Engine{DrainTimeout: c.timeout}}}}}}
			time.Sleep(c.after)
			if got := s.remaining(); got != c.want {
				t.Errorf("%v later %v of %v remain, want %v", c.after, got, c.timeout, c.want)
			}
		}
	})
}
