package update_test

import (
	"fmt"
	"testing"
)

// A value of the user's stays when a new version reads its setting no more, and is told;
// one that is as forge wrote it, or commented out, is not.
func TestSettingsThatNothingReadsAnyMoreAreTold(t *testing.T) {
	const env = "# all\nA=1\nB=1\nC=1\n#D=1\n"
	w := newWorld(t, nil, tree{"env.tmpl": env}, tree{"env.tmpl": "# all\nA=1\n"})
	w.disk = w.disk.with(".env", "A=2\nB=1\nC=secret\n#D=2\nMINE=1\n", ".env.example", "# all\nA=1\nB=mine\nC=1\n#D=1\n")
	u := w.update(t)
	const want = "[.env:3: C changed: nothing of forge's reads it any more; your value stays .env.example:3: B changed: nothing of forge's reads it any more; your value stays]"
	if got := fmt.Sprint(u.Notes); got != want {
		t.Errorf("%s\n%s", got, w.disk[".env.example"])
	}
	w.land(u)
	if got := w.disk[".env.example"]; got != "# all\nA=1\nB=mine\n" {
		t.Errorf("%q", got)
	}
}
