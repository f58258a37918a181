package message

import "hash/maphash"

// wordCache gives back the same string for the same bytes, so that names which
// come with every message are allocated once. It holds at most 256 short
// strings. Four share a place, the newest first: so many that come with every
// message hardly ever meet in one and push each other out.
type wordCache [64][4]string

const longestWord = 128

var wordSeed = maphash.MakeSeed()

func (c *wordCache) get(b []byte) string {
	if len(b) == 0 || len(b) > longestWord {
		return string(b)
	}
	place := &c[maphash.Bytes(wordSeed, b)%uint64(len(c))]
	for _, word := range place {
		if word == string(b) {
			return word
		}
	}
	copy(place[1:], place[:])
	place[0] = string(b)
	return place[0]
}
