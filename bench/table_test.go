package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestThousands(t *testing.T) {
	for x, want := range map[float64]string{7: "7", 999: "999", 1_234: "1,230", 45_678: "45,700", 1_234_567: "1,230,000"} {
		if got := thousands(x); got != want {
			t.Errorf("%v: %s, want %s", x, got, want)
		}
	}
}

func TestMedianTakesEachFigureByItself(t *testing.T) {
	got := median([]figures{{rate: 1, cpu: 9, p99: 5}, {rate: 3, cpu: 7, p99: 4}, {rate: 2, cpu: 8, p99: 6}})
	if want := (figures{rate: 2, cpu: 8, p99: 5 * time.Nanosecond}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestPublishReplacesItsPlaceOnly(t *testing.T) {
	file := filepath.Join(t.TempDir(), "README.md")
	before := "a\n<!-- x -->\nold\n<!-- end x -->\nb\n<!-- y -->\n<!-- end y -->\n"
	if err := os.WriteFile(file, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	b := &bench{readme: file}
	if err := b.publish("x", "new\n"); err != nil {
		t.Fatal(err)
	}
	got, _ := os.ReadFile(file)
	if want := strings.Replace(before, "old", "\nnew\n", 1); string(got) != want {
		t.Errorf("%q, want %q", got, want)
	}
	if b.publish("z", "") == nil {
		t.Error("no error without a place")
	}
}

func TestNoBrokerIsAnError(t *testing.T) {
	t.Setenv("BENCH_BROKERS", "")
	t.Setenv("BENCH_KAFKA_SH", "")
	if _, _, err := startBroker(context.Background(), t.TempDir()); err == nil {
		t.Error("no error")
	}
}
