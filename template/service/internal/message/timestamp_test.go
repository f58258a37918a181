package message

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// readTimes reads texts one after the other and returns what they are, zero for
// those that are refused.
func readTimes(texts ...string) []time.Time {
	d := new(decoder)
	times := make([]time.Time, len(texts))
	for i, text := range texts {
		d.data, d.pos = []byte(`"`+text+`"`), 0
		if t, err := d.time("timestamp"); err == nil {
			times[i] = t
		}
	}
	return times
}

// TestATimestampIsReadWhateverCameBefore: the minute that is remembered changes
// neither what a timestamp is nor what is refused.
func TestATimestampIsReadWhateverCameBefore(t *testing.T) {
	const minute = "2026-11-22T12:05:"
	minutes := rapid.SampledFrom([]string{minute, minute, minute, "2026-11-22T12:06:", "0000-01-01T00:00:", "9999-12-31T23:59:", "2026-11-22T1205::", "2026-11-22T12:5:"})
	seconds := rapid.SampledFrom([]string{"00", "07", "59", "60", "99", "5", "051", "0a", ""})
	fractions := rapid.SampledFrom([]string{"", ".", ".0", ".5", ",5", ".1234567", ".123456789", ".1234567890", ".1234567890123", ".12x", "..1", ".999999999"})
	zones := rapid.SampledFrom([]string{"Z", "Z", "Z", "Z", "z", "", "+00:00", "+01:30", "-23:59", "+24:00"})
	text := rapid.Custom(func(t *rapid.T) string {
		return minutes.Draw(t, "minute") + seconds.Draw(t, "second") + fractions.Draw(t, "fraction") + zones.Draw(t, "zone")
	})
	rapid.Check(t, func(t *rapid.T) {
		texts := append([]string{minute + "30Z"}, rapid.SliceOfN(text, 4, 12).Draw(t, "texts")...)
		for i, got := range readTimes(texts...) {
			if alone := readTimes(texts[i])[0]; got != alone {
				t.Fatalf("%s after %s: %v, alone %v", texts[i], strings.Join(texts[:i], ", "), got, alone)
			}
		}
	})
}

func TestTimestampsOfOneMinute(t *testing.T) {
	got := readTimes("2026-11-22T12:05:00Z", "2026-11-22T12:05:59.000000001Z", "2026-11-22T12:05:07.25Z", "2026-11-22T12:06:00Z")
	for i, want := range []time.Time{
		time.Date(2026, 11, 22, 12, 5, 0, 0, time.UTC), time.Date(2026, 11, 22, 12, 5, 59, 1, time.UTC),
		time.Date(2026, 11, 22, 12, 5, 7, 250e6, time.UTC), time.Date(2026, 11, 22, 12, 6, 0, 0, time.UTC),
	} {
		if got[i] != want {
			t.Errorf("%v, want %v", got[i], want)
		}
	}
}
