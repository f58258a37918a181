package model

// A struct may have itself inside, through others too: in Go by a pointer, a list
// or a map. Messages end where such a field is left out, null or empty.

// markLoops marks the fields that lead back to the struct that they are in, where
// messages can end. It refuses structs that never do.
func (r *reader) markLoops(m *Model) {
	all := m.records()
	each := func(visit func(f *Field, isLoop bool)) {
		group := groups(all)
		for _, rec := range all {
			for _, f := range rec.Fields {
				inner := f.leadsTo()
				visit(f, inner != nil && group[inner] == group[rec])
			}
		}
	}
	each(func(f *Field, isLoop bool) { f.loops = isLoop && f.ends() })
	each(func(f *Field, isLoop bool) {
		if isLoop {
			r.fail(f.Type.at, "let it be left out, or be null", "%q has to be there in itself again, so that no message ends", f.JSON)
		}
	})
}

// leadsTo is the struct in a field, unless messages end there.
func (f *Field) leadsTo() *Record {
	if f.loops {
		return nil
	}
	return f.Type.record()
}

// groups numbers the records so that those which lead to each other have the same
// number: Tarjan's algorithm.
func groups(all []*Record) map[*Record]int {
	group, seen, low := make(map[*Record]int), make(map[*Record]int), make(map[*Record]int)
	var path []*Record
	var visit func(rec *Record)
	visit = func(rec *Record) {
		seen[rec] = len(seen) + 1
		low[rec] = seen[rec]
		path = append(path, rec)
		for _, f := range rec.Fields {
			inner := f.leadsTo()
			switch {
			case inner == nil || group[inner] > 0:
			case seen[inner] == 0:
				visit(inner)
				low[rec] = min(low[rec], low[inner])
			default:
				low[rec] = min(low[rec], seen[inner])
			}
		}
		if low[rec] < seen[rec] {
			return
		}
		for group[rec] == 0 {
			last := path[len(path)-1]
			path = path[:len(path)-1]
			group[last] = seen[rec]
		}
	}
	for _, rec := range all {
		if seen[rec] == 0 {
			visit(rec)
		}
	}
	return group
}

// ends reports whether a message can do without what a field of a loop leads to.
func (f *Field) ends() bool {
	t := f.Type
	return !f.Required || t.Null || t.Elem != nil && (t.shortest == nil || *t.shortest == 0)
}
