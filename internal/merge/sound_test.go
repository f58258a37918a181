package merge_test

import (
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/internal/merge"
)

// TestOpenAPIHoldsTogether proves that no merge gives a key twice, a schema in another
// place than the schemas, or a reference to a schema that has gone: ours stays as it is.
func TestOpenAPIHoldsTogether(t *testing.T) {
	const base = "paths:\n  \"/orders\":\n    $ref: '#/components/schemas/Order'\ncomponents:\n  responses: {}\n  schemas:\n    Order:\n      type: object\n"
	renamed := strings.NewReplacer("/orders", "/invoices", "Order", "Invoice").Replace(base)
	for name, c := range map[string]struct{ ours, theirs string }{
		"a key twice":                    {strings.Replace(base, "components:", "  /invoices:\n    mine: true\ncomponents:", 1), renamed},
		"a reference that leads nowhere": {strings.Replace(base, "components:", "  /mine:\n    $ref: \"#/components/schemas/Order\"\ncomponents:", 1), renamed},
		"another indent":                 {strings.NewReplacer("  responses", "    responses", "  schemas", "    schemas", "    Order", "        Order", "      type", "          type").Replace(base), base + "    Refund:\n      type: object\n"},
	} {
		got, conflicts := merge.OpenAPI([]byte(base), []byte(c.ours), []byte(c.theirs), merge.Labels{})
		if len(conflicts) == 0 {
			t.Errorf("%s:\n%s", name, got)
		}
	}
	if got, conflicts := merge.OpenAPI([]byte(base), []byte(strings.Replace(base, "responses: {}", "responses: {} # mine", 1)), []byte(renamed), merge.Labels{}); len(conflicts) > 0 || !strings.Contains(string(got), "responses: {} # mine\n  schemas:\n    Invoice:\n") {
		t.Errorf("%v\n%s", conflicts, got)
	}
}
