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
	written string // such as 2006-01-02T15:04:
	begins  time.Time
}

const toSeconds = len("2006-01-02T15:04:")

// remember takes the minute of t, which is written as b, if it is in UTC.
func (m *minute) remember(t time.Time, b []byte) {
	if b[len(b)-1] == 'Z' {
		*m = minute{string(b[:toSeconds]), t.UTC().Truncate(time.Minute)}
	}
}

// time reads a timestamp of the minute. It returns false for any other text.
func (m *minute) time(b []byte) (t time.Time, ok bool) {
	if len(b) < toSeconds+len("05Z") || string(b[:toSeconds]) != m.written || b[len(b)-1] != 'Z' {
		return t, false
	}
	const point = len("05")
	seconds := b[toSeconds : len(b)-1]
	if len(seconds) > point && (seconds[point] != '.' || len(seconds) == point+1) {
		return t, false
	}
	since, unit := time.Duration(0), 10*time.Second // unit is the next digit's, and 0 for what is less than a nanosecond
	for i, c := range seconds {
		if i == point {
			continue
		}
		if c-'0' > 9 {
			return t, false
		}
		since += time.Duration(c-'0') * unit
		unit /= 10
	}
	return m.begins.Add(since), since < time.Minute
}
