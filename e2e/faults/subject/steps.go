package subject

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// stepping is what time.Now does to the wall clock: it is an hour ahead, two
// seconds of every four since the start. The monotonic clock stays as it is.
const stepping = "\tif mono/2_000_000_000%2 == 1 {\n\t\tsec += 3600\n\t}\n"

// BuildWithSteps compiles the project that Build rendered in dir with a clock
// that steps, and returns the binary's path.
func BuildWithSteps(ctx context.Context, root, dir string) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return "", err
	}
	original := filepath.Join(strings.TrimSpace(string(out)), "src", "time", "time.go")
	source, err := os.ReadFile(original)
	if err != nil {
		return "", err
	}
	at := bytes.Index(source, []byte("\nfunc Now() Time {\n"))
	line := bytes.Index(source[max(at, 0):], []byte("\tmono -= startNano\n"))
	if at < 0 || line < 0 {
		return "", errors.New("this Go's time.Now is not as expected")
	}
	end := at + line + bytes.IndexByte(source[at+line:], '\n') + 1
	changed := filepath.Join(dir, "time.go")
	if err := os.WriteFile(changed, append(source[:end:end], append([]byte(stepping), source[end:]...)...), 0o600); err != nil {
		return "", err
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{original: changed}})
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "steps.json")
	if err := os.WriteFile(name, overlay, 0o600); err != nil {
		return "", err
	}
	return Build(ctx, root, dir, "-overlay", name)
}
