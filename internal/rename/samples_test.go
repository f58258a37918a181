package rename

import "testing"

// Of samples, the topic and the types of the headers are renamed, and nothing of
// their bodies or of what else is called so.
func TestBodiesOfSamplesStay(t *testing.T) {
	src := []byte(`{"note": {"topic": "orders"}, "topic" : "orders", "samples": [
		{"name": "orders", "value": {"header": {"messageType": "OrderCreated", "schemaName": "OrderCreated"},
			"body": {"topic": "orders", "schemaName": "OrderCreated", "header": {"messageType": "OrderCreated"}}}},
		{"value": {"header": {"schemaName":"OrderCreated","messageType":"Other"}, "body": ["orders", {"messageType": "OrderCreated"}]}}]}`)
	want := `{"note": {"topic": "orders"}, "topic" : "purchases", "samples": [
		{"name": "orders", "value": {"header": {"messageType": "PurchaseCreated", "schemaName": "PurchaseCreated"},
			"body": {"topic": "orders", "schemaName": "OrderCreated", "header": {"messageType": "OrderCreated"}}}},
		{"value": {"header": {"schemaName":"PurchaseCreated","messageType":"Other"}, "body": ["orders", {"messageType": "OrderCreated"}]}}]}`
	texts := Texts{Topic: [2]string{"orders", "purchases"}, Type: [2]string{"OrderCreated", "PurchaseCreated"}}
	if got := string(Apply(src, Samples(src, texts))); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, other := range []string{`{"topic": "payments", "samples": [{"value": {"header": {"messageType": "OrderCreated"}}}]}`, `{"topic": `, ``} {
		if edits := Samples([]byte(other), texts); edits != nil {
			t.Errorf("%s: %v", other, edits)
		}
	}
}
