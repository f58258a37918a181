package samples

import "encoding/json"

// Posted returns what can be posted for the message: the body in its envelope,
// and false when it has none.
func (s Sample) Posted() (string, bool) {
	var value struct{ Body json.RawMessage }
	err := json.Unmarshal(s.Value, &value)
	return string(value.Body), err == nil && value.Body != nil
}
