package web

import (
	"bytes"
	"flag"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/httpapi"
	"github.com/ouroboros-forge/forge/template/service/internal/httpapi/openapi"
	"github.com/ouroboros-forge/forge/template/service/internal/message/messagetest"
)

var update = flag.Bool("update", false, "bring openapi.yaml up to date with the endpoints and their models")

const openAPIFile = "../openapi.yaml"

// openapi.yaml has every path that is served and every field of their models, and
// no field that is gone. It may say more.
func TestOpenAPISaysWhatIsServed(t *testing.T) {
	text, err := os.ReadFile(openAPIFile)
	if os.IsNotExist(err) && !*update {
		t.Skip("there is no " + openAPIFile)
	}
	log := slog.New(slog.DiscardHandler)
	api := httpapi.New(config.Config{}, log)
	Register(api, Deps{Log: log, Publisher: new(messagetest.Publisher)})
	updated, err := openapi.Update(text, openapi.Document(api.Operations()))
	switch {
	case err != nil:
		t.Fatalf("%s: %v", openAPIFile, err)
	case *update:
		if err := os.WriteFile(openAPIFile, updated, 0o644); err != nil {
			t.Fatal(err)
		}
	case !bytes.Equal(text, updated):
		t.Errorf("%s does not say what is served; go test ./web -run OpenAPI -update corrects it:\n%s", openAPIFile, changed(string(text), string(updated)))
	}
}

// changed returns the lines that only one of the two has.
func changed(before, after string) string {
	var b strings.Builder
	list := func(sign, of, without string) {
		for line := range strings.Lines(of) {
			if !strings.Contains(without, line) {
				b.WriteString(sign + line)
			}
		}
	}
	list("- ", before, after)
	list("+ ", after, before)
	return b.String()
}
