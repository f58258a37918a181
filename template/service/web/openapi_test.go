//go:build http

package web

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"reflect"
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/httpapi"
	"github.com/ouroboros-forge/forge/template/service/internal/httpapi/openapi"
	"github.com/ouroboros-forge/forge/template/service/web"
)

var update = flag.Bool("update", false, "bring openapi.yaml up to date with the endpoints in web/ and their models")

const openAPIFile = "openapi.yaml"

// The file that describes the service has every path that it serves and every
// field of their models, and no field that is gone. It may say more.
func TestOpenAPISaysWhatIsServed(t *testing.T) {
	text, err := os.ReadFile(openAPIFile)
	if errors.Is(err, fs.ErrNotExist) && !*update {
		t.Skip("there is no " + openAPIFile)
	}
	var file, document openapi.Object
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatalf("%s: %v", openAPIFile, err)
	}
	written, err := yaml.Marshal(openapi.Document(operations()))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(written, &document); err != nil { // numbers become what the file's are
		t.Fatal(err)
	}
	merged := openapi.Merge(file, document)
	if *update {
		write(t, merged)
		return
	}
	for _, d := range differences("", file, merged) {
		t.Errorf("%s: %s; go test . -run OpenAPI -update would put it right", openAPIFile, d)
	}
}

// operations are what web/ registers.
func operations() []httpapi.Operation {
	log := slog.New(slog.DiscardHandler)
	api := httpapi.New(config.Config{}, log)
	web.Register(api, web.Deps{Log: log})
	return api.Operations()
}

func write(t *testing.T, document openapi.Object) {
	t.Helper()
	var text bytes.Buffer
	e := yaml.NewEncoder(&text)
	e.SetIndent(2)
	if err := errors.Join(e.Encode(document), e.Close(), os.WriteFile(openAPIFile, text.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// differences says where two documents are not the same.
func differences(path string, file, want any) []string {
	a, isObject := file.(openapi.Object)
	b, isObject2 := want.(openapi.Object)
	if !isObject || !isObject2 {
		if reflect.DeepEqual(file, want) {
			return nil
		}
		return []string{fmt.Sprintf("%s is %v, must be %v", path, file, want)}
	}
	var all []string
	for key, value := range b {
		if _, ok := a[key]; !ok {
			all = append(all, fmt.Sprintf("%s/%s is missing", path, key))
			continue
		}
		all = append(all, differences(path+"/"+key, a[key], value)...)
	}
	for key := range a {
		if _, ok := b[key]; !ok {
			all = append(all, fmt.Sprintf("%s/%s is of no model any more", path, key))
		}
	}
	slices.Sort(all)
	return all
}
