package schema

import (
	"maps"
	"sync"
	"sync/atomic"
)

// frozen is a map that is read with every message and hardly ever changes:
// each change makes a new one.
type frozen[K comparable, V any] struct {
	now atomic.Pointer[map[K]V]
	mu  sync.Mutex
}

func (f *frozen[K, V]) all() map[K]V {
	if m := f.now.Load(); m != nil {
		return *m
	}
	return nil
}

func (f *frozen[K, V]) get(k K) (V, bool) {
	v, ok := f.all()[k]
	return v, ok
}

func (f *frozen[K, V]) set(k K, v V) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := maps.Clone(f.all())
	if m == nil {
		m = make(map[K]V)
	}
	m[k] = v
	f.now.Store(&m)
}
