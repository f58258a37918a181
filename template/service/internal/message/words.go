package message

// wordCache gives back the same string for the same bytes, so that names which
// come with every message are allocated once. It holds at most 64 short
// strings; a newer one takes the place of an older.
type wordCache [64]string

const longestWord = 128

func (c *wordCache) get(b []byte) string {
	if len(b) == 0 || len(b) > longestWord {
		return string(b)
	}
	slot := &c[hash(b)%uint32(len(c))]
	if *slot != string(b) {
		*slot = string(b)
	}
	return *slot
}

// hash is FNV-1a.
func hash(b []byte) uint32 {
	h := uint32(2166136261)
	for _, x := range b {
		h = (h ^ uint32(x)) * 16777619
	}
	return h
}
