package message

import "time"

func (d *decoder) time(path string) (t time.Time, err error) {
	b, err := d.string(path)
	if err != nil || b == nil {
		return t, err
	}
	if t, ok := d.minute.time(b); ok {
		return t, nil
	}
	if err := t.UnmarshalText(b); err != nil || !isStrict(b) {
		return t, Fail(ClassInvalid, "%s: must be RFC 3339, got %s", path, quote(string(b)))
	}
	d.minute.remember(t, b)
	return t.UTC(), nil
}

// isStrict refuses what package time reads although RFC 3339 does not have it:
// hours of one digit, a comma before the fraction, offsets beyond a day.
func isStrict(b []byte) bool {
	const hour, fraction = len("2006-01-02T"), len("2006-01-02T15:04:05")
	if b[hour+1] == ':' || b[fraction] == ',' {
		return false
	}
	if b[len(b)-1] == 'Z' {
		return true
	}
	offset := string(b[len(b)-len("00:00"):])
	return offset[:2] < "24" && offset[3:] < "60"
}

// minute is what timestamps share that are not far from each other.
type minute struct {
	written [toSeconds]byte // such as 2006-01-02T15:04:
	begins  time.Time
}

const toSeconds = len("2006-01-02T15:04:")

// remember takes the minute of t, which is written as b, if it is in UTC.
func (m *minute) remember(t time.Time, b []byte) {
	if b[len(b)-1] == 'Z' {
		*m = minute{[toSeconds]byte(b), t.UTC().Truncate(time.Minute)}
	}
}

// places are how many nanoseconds the last digit of seconds is worth, by their
// length: 05, 05.1 and so on.
var places = [...]int64{2: 1e9, 4: 1e8, 5: 1e7, 6: 1e6, 7: 1e5, 8: 1e4, 9: 1e3, 10: 100, 11: 10, 12: 1}

// time reads a timestamp of the minute. It returns false for any other text.
func (m *minute) time(b []byte) (t time.Time, ok bool) {
	const point = len("05")
	end := len(b) - len("Z")
	if end < toSeconds+point || b[end] != 'Z' || [toSeconds]byte(b) != m.written {
		return t, false
	}
	seconds := b[toSeconds:end]
	if len(seconds) >= len(places) || places[len(seconds)] == 0 || len(seconds) > point && seconds[point] != '.' {
		return t, false
	}
	var n int64
	for i, c := range seconds {
		switch {
		case i == point:
		case c-'0' <= 9:
			n = 10*n + int64(c-'0')
		default:
			return t, false
		}
	}
	since := time.Duration(n * places[len(seconds)])
	return m.begins.Add(since), since < time.Minute
}
