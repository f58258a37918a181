//go:build linux

package main

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestDiskIsFull changes a project on a disk that is really full, a bit less each time:
// what fails leaves every byte as it was, and at last there is room.
func TestDiskIsFull(t *testing.T) {
	if out, err := exec.Command("unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", t.TempDir()).CombinedOutput(); err != nil {
		t.Skipf("a disk of our own needs unshare and mount: %v, %s", err, out)
	}
	dir, first := twoReleases(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	forge := filepath.Join(t.TempDir(), "forge") // the test binary is forge by that name
	if err := os.Symlink(self, forge); err != nil {
		t.Fatal(err)
	}
	t.Setenv("FORGE_TEST_RELEASES", dir)
	t.Setenv("FORGE_TEST_RELEASE", "v0.2.0")
	for _, command := range []string{"update --no-verify --quiet", "add avro --quiet", "remove docker github --quiet"} {
		work := anOldProject(t, first)
		before := snapshot(t, work)
		const script = `set -e
mount -t tmpfs -o size=3m tmpfs "$DISK"
cp -R "$PROJECT" "$DISK/shop"
dd if=/dev/zero of="$DISK/fill" bs=1k count=4000 2>/dev/null || true
cd "$DISK/shop"
failed=0
while ! "$FORGE" $COMMAND 2>"$OUT/stderr"; do
	grep -q 'no space left on device' "$OUT/stderr"
	"$FORGE" status --quiet || [ $? = 3 ]
	failed=$((failed+1))
	rm -rf "$OUT/shop"
	cp -R . "$OUT/shop"
	cmp -s "$OUT/shop/.forge/project.yaml" "$PROJECT/.forge/project.yaml"
	diff -r -x .forge "$OUT/shop" "$PROJECT"
	[ -s "$DISK/fill" ]
	truncate -s -48k "$DISK/fill"
done
echo "$failed"
rm -rf "$OUT/shop"
cp -R . "$OUT/shop"
`
		out := t.TempDir()
		cmd := exec.Command("unshare", "-rm", "sh", "-c", script)
		cmd.Env = append(os.Environ(), "DISK="+t.TempDir(), "PROJECT="+work, "FORGE="+forge, "OUT="+out, "COMMAND="+command)
		said, err := cmd.CombinedOutput()
		if err != nil {
			stderr, _ := os.ReadFile(filepath.Join(out, "stderr")) // what there is to say of it
			t.Fatalf("%s: %v\n%s%s", command, err, said, stderr)
		}
		if strings.HasPrefix(string(said), "0\n") {
			t.Errorf("%s never met a full disk", command)
		}
		if maps.Equal(snapshot(t, filepath.Join(out, "shop")), before) {
			t.Errorf("%s changed nothing at last", command)
		}
	}
}
