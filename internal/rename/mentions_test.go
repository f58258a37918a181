package rename

import (
	"reflect"
	"testing"
)

func TestATopicIsFoundAsAWordAlone(t *testing.T) {
	w := Words{Topic: "orders", Texts: map[string]string{"orders": "purchases"}, Others: []string{"orders.eu", "orders-eu"}, Files: []string{"old_orders.go"}}
	for line, want := range map[string]bool{
		"- orders": true, "cat handlers/old_orders.go": true, "old_orders": false, "kcat -t orders": true, "topic=orders&x": true, "dev/samples/orders.json": true, "orders.dlq": true, "`orders`.": true,
		"go test ./handlers -run handlers/orders_test.go": true, "Orders come.": false, "reorders": false, "orders-eu": false, "orders.eu": false,
		"orders.eu.dlq": false, "my-orders": false, "app.orders": false, "orders_v2": false, "orderso": false, "vorders": false, "ordersé": false,
	} {
		if got := len(w.Lines("x.md", []byte("first\n"+line+"\n"))) > 0; got != want {
			t.Errorf("%q: %v", line, got)
		}
	}
	src := "package a\n\nimport \"orders\"\n\ntype T struct {\n\tA int `json:\"orders\"`\n}\n\n// orders\nvar x = []string{\"orders\", \"a topic=orders\", `\n\n- orders`, \"orders-eu\"}\n"
	want := []Place{{"a.go", 10, `"orders": write "purchases" if it is what has been renamed`}, {"a.go", 10, "a topic=orders"}, {"a.go", 12, "- orders"}}
	if got := w.Literals("a.go", []byte(src)); !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
	if got := w.Lines("x", []byte("\x00 orders")); got != nil {
		t.Errorf("%v in what is no text", got)
	}
}

// Comments are shown where they name the topic, or what is called after it; a word of
// English does not count where nothing says that it is Go.
func TestCommentsAreFound(t *testing.T) {
	w := Words{Topic: "stock.moves-v1", Others: []string{"orders"}, Files: []string{"stock_moves_v1.go"}}
	names := map[string]string{"Order": "Purchase", "StockMovesV1": "StockMovesV2"}
	const apart = "apart"
	for comment, want := range map[string]string{
		"// Report renders a StockMovesV1.": apart, "// reads stock.moves-v1": apart, "// of stock.moves-v1.dlq": apart, "//go:generate gen -topic stock.moves-v1": apart,
		"// see models.Order.": apart, "// see [Order]": apart, "// takes an *Order": apart, "// see Order.Topic": apart, "// see stock_moves_v1.go": apart,
		"// Order in the room": "concerned", "// an (Order)": "concerned",
		"// Orders": "", "// StockMovesV12": "", "// stock.moves-v12": "", "// MyOrder": "", "// order": "", "// preStockMovesV1": "",
	} {
		for _, isConcerned := range []bool{false, true} {
			found := w.Comments("a.go", []byte("package a\n\nvar x = 1 "+comment+"\n"), names, isConcerned)
			isWanted := want == apart || want == "concerned" && isConcerned
			if len(found) > 0 != isWanted || isWanted && found[0].Line != 3 {
				t.Errorf("%q, %v: %v", comment, isConcerned, found)
			}
		}
	}
	src := "package a\n\n/*\nOne.\nOf Order.\n*/\nvar x = \"stock.moves-v1\"\n"
	want := []Place{{"a.go", 5, "Of Order.; Order is Purchase now"}}
	if got := w.Comments("a.go", []byte(src), names, true); !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
}
