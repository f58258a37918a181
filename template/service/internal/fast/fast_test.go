package fast

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// order has fields of each plain kind.
type order struct {
	message.ForbidExtra
	ID     string         `json:"id" validate:"required"`
	Count  uint8          `json:"count,omitempty"`
	Total  float64        `json:"total,omitzero"`
	Paid   *bool          `json:"paid"`
	At     time.Time      `json:"at"`
	Until  *time.Time     `json:"until"`
	Lines  []line         `json:"order-lines"`
	Codes  [][]code       `json:"$codes.v1"`
	Secret any            `json:"-"`
	own    map[string]any //nolint:unused // what is not in the JSON does no harm
}

type (
	line struct{ Price float32 }
	code int16
)

// TestPlainModelsAreReadHere proves that the reader does not leave to the default
// what it is there for; that it reads the same is proved beside the default.
func TestPlainModelsAreReadHere(t *testing.T) {
	for _, tt := range []struct {
		body  string
		model any
	}{
		{`{"id":"a","count":2,"total":1.5,"paid":true,"at":"2026-03-01T12:00:00Z","until":"2026-03-01T12:00:00+01:00","order-lines":[{"Price":1}],"$codes.v1":[[1],[2,3]]}`, order{}},
		{` { "total" : -1e3 , "id" : "a\n" , "paid" : null , "order-lines" : [ { } , {} ] } `, order{}},
		{`{"more":{"a":[1,"x"]},"other":1}`, struct{ Text string }{}},
		{`["` + strings.Repeat("é", sharedTexts) + `"]`, []string{}}, {`{}`, struct{}{}}, {`1`, 0}, {`"x"`, ""},
	} {
		if !read([]byte(tt.body), reflect.New(reflect.TypeOf(tt.model))) {
			t.Errorf("%s is not read", tt.body)
		}
	}
}

// recursive has itself in it, by way of a list.
type recursive struct{ Inner []recursive }

func TestOtherModelsAreLeftToTheDefault(t *testing.T) {
	for _, model := range []any{
		map[string]int{}, [2]int{}, []byte{}, time.Second, uuid.UUID{}, new(*int), new(any), recursive{}, complex(1, 1),
		struct{ line }{}, struct{ X map[string]int }{}, struct{ X *[]any }{}, struct {
			X int `json:",string"`
		}{}, struct {
			X int `json:"'é'"`
		}{}, struct {
			X int `json:"é"`
		}{}, ints(1, `json:"-,"`), ints(maxFields+1, ""), ints(2, `json:"twice"`), ints(1, `json:"a\tb"`),
	} {
		if makeReader(reflect.TypeOf(model), nil) != nil {
			t.Errorf("%T has a reader", model)
		}
	}
	if makeReader(reflect.TypeOf(ints(maxFields, "")), nil) == nil {
		t.Error("a struct of as many fields as there may be has none")
	}
}

// ints returns a struct of n numbers with the same tag.
func ints(n int, tag reflect.StructTag) any {
	var fields []reflect.StructField
	for i := range n {
		fields = append(fields, reflect.StructField{Name: "F" + strings.Repeat("x", i), Type: reflect.TypeFor[int](), Tag: tag})
	}
	return reflect.Zero(reflect.StructOf(fields)).Interface()
}

func TestReadLeavesWhatItCannotReadAsItWas(t *testing.T) {
	for body, out := range map[string]*order{
		`{"id":"a","more":1}`: {}, `{"id":"a","count":256}`: {}, `{"id":"a"`: {}, `null`: {}, `{"id":"a"}`: {Codes: [][]code{{1}}},
	} {
		want := *out
		if read([]byte(body), reflect.ValueOf(out)) || !reflect.DeepEqual(*out, want) {
			t.Errorf("%s: %+v", body, *out)
		}
	}
	if read([]byte("{}"), reflect.ValueOf((*order)(nil))) || read([]byte("{}"), reflect.ValueOf(order{})) {
		t.Error("what is no pointer to a body is read")
	}
}

func TestAPlainMessageIsReadWithFewAllocations(t *testing.T) {
	m := &message.Message{Value: []byte(`{"header":{"messageType":"OrderPlaced","schemaName":"order","schemaVersion":"1","correlationId":"c-1","messageId":"m-1",` +
		`"timestamp":"2026-03-01T12:00:00Z","producer":"shop"},"body":{"id":"o-1","total":9.5}}`)}
	allocations := testing.AllocsPerRun(100, func() {
		var out order
		_, body, err := JSON{}.Open(t.Context(), m)
		if err == nil {
			err = JSON{}.Decode(t.Context(), m, body, &out)
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	if allocations > 3 { // the texts of the header, those of the body, and the body
		t.Errorf("%v allocations", allocations)
	}
}
