package message

import "hash/maphash"

// wordCache gives back the same string for the same bytes, so that names which
// come with every message are allocated once. It holds at most 256 short
// strings. Two share a place and the newer one goes first, so that one
// unlucky pair does not push each other out with every message.
type wordCache [128][2]string

const longestWord = 128

var wordSeed = maphash.MakeSeed()

func (c *wordCache) get(b []byte) string {
	if len(b) == 0 || len(b) > longestWord {
		return string(b)
	}
	place := &c[maphash.Bytes(wordSeed, b)%uint64(len(c))]
	switch {
	case place[0] == string(b):
		return place[0]
	case place[1] == string(b):
		return place[1]
	}
	place[1], place[0] = place[0], string(b)
	return place[0]
}
