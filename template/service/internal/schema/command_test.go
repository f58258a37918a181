package schema_test

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/schema"
)

// call runs `schema` with the arguments and what the models are at the moment.
func call(t *testing.T, url, format string, model any, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return callWith(t, url, format, []any{model}, args...)
}

func callWith(t *testing.T, url, format string, models []any, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	c := newCodec(t, settings(t, url, "SCHEMA_REGISTRY_FORMAT", format))
	bind(t, c, topic, models...)
	var out, err bytes.Buffer
	code = schema.Command(t.Context(), c, args, &out, &err)
	return code, out.String(), err.String()
}

// inRepository makes an empty repository the working directory.
func inRepository(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("there is no git")
	}
	t.Chdir(t.TempDir())
	git(t, "init", "-q")
}

func git(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", append([]string{"-c", "user.name=t", "-c", "user.email=t@example.com"}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

const nowhere = "http://127.0.0.1:1" // what is offline needs no registry

func export(t *testing.T, format string, model any) {
	t.Helper()
	if code, _, stderr := call(t, nowhere, format, model, "export"); code != 0 {
		t.Fatal(stderr)
	}
}

func TestCheckAgainstARevisionNamesTheField(t *testing.T) {
	for _, format := range []string{"avro", "json"} {
		inRepository(t)
		export(t, format, paymentV1{})
		git(t, "add", ".")
		git(t, "commit", "-qm", "first")
		for _, tt := range []struct {
			model any
			code  int
			says  string
		}{
			{paymentV1{}, 0, "BACKWARD compatible with HEAD"},
			{paymentAddedOptional{}, 0, "BACKWARD compatible with HEAD"},
			{paymentChanged{}, 1, "not BACKWARD compatible with HEAD: field amount"},
			{paymentFull{}, 1, "not FULL compatible with HEAD: field note"},
		} {
			export(t, format, tt.model)
			code, stdout, stderr := call(t, nowhere, format, tt.model, "check", "--against", "HEAD")
			if code != tt.code || !strings.Contains(stdout+stderr, tt.says) {
				t.Errorf("%s %T: exit code %d\n%s%s", format, tt.model, code, stdout, stderr)
			}
		}
	}
}

// A level with _TRANSITIVE asks the whole history of the file.
func TestCheckAgainstARevisionLooksBack(t *testing.T) {
	inRepository(t)
	for _, model := range []any{paymentV1{}, paymentFull{}} { // amount and note, then amount alone
		export(t, "avro", model)
		git(t, "add", ".")
		git(t, "commit", "-qm", "next")
	}
	export(t, "avro", paymentLong{})
	code, _, stderr := call(t, nowhere, "avro", paymentLong{}, "check", "--against=HEAD")
	if code != 1 || !strings.Contains(stderr, "field note") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
}

// With its second type the name of the first one's file changes. What was in the
// old one counts still; what was in it of another type does not.
func TestCheckAgainstARevisionFindsTheFileOfATopicThatHadOneType(t *testing.T) {
	for _, format := range []string{"avro", "json"} {
		for _, tt := range []struct {
			before any
			code   int
			says   string
		}{
			{paymentV1{}, 1, "schema of payments-value is not BACKWARD compatible with HEAD: field amount"},
			{refund{}, 0, "payments-payment  payment  is new since HEAD"},
		} {
			inRepository(t)
			export(t, format, tt.before)
			git(t, "add", ".")
			git(t, "commit", "-qm", "one type")
			both := []any{paymentChanged{}, refund{}}
			if code, _, stderr := callWith(t, nowhere, format, both, "export"); code != 0 {
				t.Fatal(stderr)
			}
			code, stdout, stderr := callWith(t, nowhere, format, both, "check", "--against", "HEAD")
			if code != tt.code || !strings.Contains(stdout+stderr, tt.says) {
				t.Errorf("%s %T: exit code %d\n%s%s", format, tt.before, code, stdout, stderr)
			}
		}
	}
}

func TestCheckTellsWhatIsNotExported(t *testing.T) {
	inRepository(t)
	git(t, "commit", "-qm", "empty", "--allow-empty")
	code, stdout, stderr := call(t, nowhere, "avro", payment{}, "check", "--against", "HEAD")
	if code != 1 || !strings.Contains(stdout, "is new since HEAD") || !strings.Contains(stderr, "schemas/payments-value.avsc: it is not what the models say") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
}

func TestCheckAndRegisterAskTheRegistry(t *testing.T) {
	registry := startRegistry(t)
	for i, step := range []struct {
		model any
		args  string
		code  int
		says  string
	}{
		{paymentV1{}, "check", 0, "not registered yet"},
		{paymentV1{}, "register", 0, "payments-value  payment  is registered with the id 1"},
		{paymentV1{}, "check", 0, "is registered with the id 1"},
		{paymentAdded{}, "check", 1, "version 1: field currency"},
		{paymentAdded{}, "register", 1, "version 1: field currency"},
		{paymentAddedOptional{}, "check", 0, "is compatible"},
		{paymentAddedOptional{}, "register", 0, "with the id 2"},
	} {
		code, stdout, stderr := call(t, registry.URL(), "avro", step.model, step.args)
		if code != step.code || !strings.Contains(stdout+stderr, step.says) {
			t.Errorf("%d: %s: exit code %d\n%s%s", i, step.args, code, stdout, stderr)
		}
	}
}

func TestWhatCannotBeFoundOutIsExitCode2(t *testing.T) {
	inRepository(t)
	for args, says := range map[string]string{
		"":                        "say what to do",
		"publish":                 `there is no "publish"`,
		"export twice":            `takes no argument "twice"`,
		"register --against HEAD": "does not take --against",
		"register --against=":     "does not take --against",
		"check --against=":        "--against is empty",
		"check --dir x":           "check asks the registry and no files",
		"register --dir x":        "register asks the registry and no files",
		"--against HEAD check":    "say what to do with the schemas before --against",
		"--nonsense":              "say what to do with the schemas before --nonsense",
		"check --nope":            "-nope",
		"check --against v9":      `no revision "v9"`,
		"check":                   "connection refused",
	} {
		code, _, stderr := call(t, nowhere, "avro", payment{}, strings.Fields(args)...)
		if code != 2 || !strings.Contains(stderr, says) {
			t.Errorf("schema %s: exit code %d\n%s", args, code, stderr)
		}
	}
	for _, args := range []string{"help", "--help", "-help", "-h", "check --help"} {
		if code, stdout, _ := call(t, nowhere, "avro", payment{}, strings.Fields(args)...); code != 0 || !strings.Contains(stdout, "schema export") {
			t.Errorf("%s: exit code %d\n%s", args, code, stdout)
		}
	}
}

func TestExportWritesWhatOthersRead(t *testing.T) {
	t.Chdir(t.TempDir())
	if code, _, stderr := call(t, nowhere, "avro", payment{}, "export", "--dir", "a/b"); code != 0 {
		t.Fatal(stderr)
	}
	text, err := os.ReadFile("a/b/payments-value.avsc")
	if err != nil || strings.Join(strings.Fields(string(text)), "") != paymentSchema {
		t.Errorf("%s, %v", text, err)
	}
}
