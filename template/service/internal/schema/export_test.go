package schema

// CompareJSON lets tests compare schemas that no model makes.
func CompareJSON(writer, reader string) error { return jsonFormat{}.compare(writer, reader) }
