package message

// readAlone decodes a body without an envelope around it.
func readAlone(data []byte, out any) error {
	d := decoders.Get().(*decoder)
	defer d.release()
	d.data, d.pos = data, 0
	if d.peek() == 0 && d.pos == len(data) {
		return Fail(ClassDecode, "body: is empty")
	}
	if err := d.body(nil, func(*Header) (any, error) { return out, nil }); err != nil {
		return err
	}
	if d.peek() != 0 || d.pos < len(data) {
		return Fail(ClassDecode, "body: something follows it at byte %d", d.pos)
	}
	return nil
}
