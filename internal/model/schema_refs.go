package model

import (
	"errors"
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
)

// add takes a file among those that can be referred to, with what it names by $id
// and by anchors.
func (j *jsonReader) add(file string, root *node) {
	j.files[file] = root
	j.index(root, nil, root)
}

// index remembers what is named in n, which is in a resource: a schema with an $id,
// or a file.
func (j *jsonReader) index(n *node, base *url.URL, resource *node) {
	for _, word := range []string{"$id", "id", "$anchor", "$dynamicAnchor"} {
		id := n.get(word)
		if id == nil || id.kind != text || word == "id" && n != n.root() && !strings.HasPrefix(id.text, "#") && !strings.Contains(id.text, ":") {
			continue
		}
		text := id.text
		if strings.HasSuffix(word, "nchor") {
			text = "#" + text
		}
		if anchor, ok := strings.CutPrefix(text, "#"); ok {
			j.ids[anchorOf(resource, anchor)] = n
		} else if u, err := url.Parse(strings.TrimSuffix(text, "#")); err == nil {
			base, resource = resolve(base, u), n
			j.name(base.String(), n)
			j.name(u.String(), n)
		}
	}
	for _, f := range n.fields {
		switch f.name {
		case "enum", "const", "default", "examples", "example":
		default:
			j.index(f, base, resource)
		}
	}
	for _, item := range n.items {
		j.index(item, base, resource)
	}
}

// name lets n be referred to by an id. The first that has it keeps it.
func (j *jsonReader) name(id string, n *node) {
	if j.ids[id] == nil {
		j.ids[id] = n
	}
}

// anchorOf is what an anchor is called among the ids: it is known in its resource.
func anchorOf(resource *node, anchor string) string {
	return resource.root().of.file + "#" + strconv.Itoa(resource.start) + "#" + anchor
}

func resolve(base, u *url.URL) *url.URL {
	if base == nil {
		return u
	}
	return base.ResolveReference(u)
}

// resource is the schema with an $id, or the file, that n is in, and its whole id.
func resource(n *node) (*node, *url.URL) {
	var base *url.URL
	var found *node
	var ids []*url.URL
	for ; n != nil; n = n.parent {
		for _, word := range []string{"$id", "id"} {
			id := n.get(word)
			if id == nil || id.kind != text || strings.HasPrefix(id.text, "#") || word == "id" && n.parent != nil && !strings.Contains(id.text, ":") {
				continue
			}
			if u, err := url.Parse(strings.TrimSuffix(id.text, "#")); err == nil {
				ids = append(ids, u)
				if found == nil {
					found = n
				}
			}
		}
		if n.parent == nil && found == nil {
			found = n
		}
	}
	for _, u := range slices.Backward(ids) {
		base = resolve(base, u)
	}
	return found, base
}

// find returns what a reference refers to, and what it is called there.
func (j *jsonReader) find(ref *node) (*node, string) {
	whole, fragment, _ := strings.Cut(j.string(ref), "#")
	at, _ := resource(ref)
	name := ""
	if whole != "" {
		at, name = j.document(ref, whole)
	}
	plain, err := url.PathUnescape(fragment)
	if err != nil {
		j.fail(ref, "write % as %25", "%q is no reference: %q", ref.text, fragment)
	}
	switch {
	case plain == "" || plain == "/":
		return at, name
	case plain[0] != '/':
		if found := j.ids[anchorOf(at, plain)]; found != nil {
			return found, plain
		}
		j.fail(ref, "refer to it as #/$defs/NAME", "%q is not in %s: no $anchor is called %q", ref.text, j.placeOf(ref, at), plain)
	}
	for step := range strings.SplitSeq(plain[1:], "/") {
		step = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
		next := at.get(step)
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(at.items) {
			next, step = at.items[i], ""
		}
		if next == nil {
			j.fail(ref, "", "%q is not in %s: there is no %q", ref.text, j.placeOf(ref, at), step)
		}
		at, name = next, step
	}
	return at, name
}

// placeOf is the file of a reference's target, in words.
func (j *jsonReader) placeOf(ref, target *node) string {
	if target.root() == ref.root() {
		return "this file"
	}
	return target.root().of.file
}

// document returns what a reference refers to without its fragment: a schema by its
// $id, or a file, by its path or by the $id that it would have beside this one.
// Nothing is fetched.
func (j *jsonReader) document(ref *node, where string) (*node, string) {
	u, err := url.Parse(where)
	if err != nil {
		j.fail(ref, "", "%q is no reference", ref.text)
	}
	_, base := resource(ref)
	for _, id := range []string{resolve(base, u).String(), u.String()} {
		if found := j.ids[id]; found != nil {
			return found, nameOf(id)
		}
	}
	file := u.Path
	if u.Scheme == "file" {
		file = u.Host + u.Path
	} else if u.IsAbs() || strings.HasPrefix(u.Path, "/") {
		if file = relative(base, resolve(base, u)); file == "" {
			j.fail(ref, "save it beside the schema and refer to it by its path, or copy it into $defs; forge fetches nothing", "%q is the $id of no schema that is here", ref.text)
		}
	}
	from := ""
	for path, root := range j.files {
		if root == ref.root() {
			from = path
		}
	}
	return j.load(ref, path.Dir(from), file, base != nil), nameOf(file)
}

// relative is the path from one id to another of the same host, or empty.
func relative(base, u *url.URL) string {
	if base == nil || !base.IsAbs() || base.Scheme != u.Scheme || base.Host != u.Host {
		return ""
	}
	from, to := strings.Split(path.Dir(base.Path), "/"), strings.Split(u.Path, "/")
	for len(from) > 0 && len(to) > 1 && from[0] == to[0] {
		from, to = from[1:], to[1:]
	}
	return strings.Repeat("../", len(from)) + strings.Join(to, "/")
}

// nameOf is what to call what a file or an id stands for.
func nameOf(id string) string {
	name, _, _ := strings.Cut(path.Base(id), ".")
	return name
}

// The limits of what a schema can refer to.
const (
	mostFiles = 200
	highest   = 8 // directories above the schema's
)

// load reads a file that is referred to. Ids are mostly counted from a directory
// above: so where there is one, those above are looked into as well.
func (j *jsonReader) load(ref *node, dir, file string, hasID bool) *node {
	if j.beside == nil {
		j.fail(ref, "put it into $defs of the same file and refer to it as #/$defs/NAME", "%q is not in this file", ref.text)
	}
	for above := range highest {
		name := path.Join(dir, strings.Repeat("../", above), file)
		if root := j.files[name]; root != nil {
			return root
		}
		content, err := j.beside(name)
		switch {
		case err == nil:
			return j.parse(ref, name, content)
		case errors.Is(err, fs.ErrNotExist) && hasID:
			continue
		case errors.Is(err, fs.ErrNotExist):
			j.fail(ref, "a path in $ref counts from the directory of the file that it is in", "%q is no file beside the schema: there is no %s", ref.text, name)
		case above == 0:
			j.fail(ref, "files are read that are below the directory above the schema's, or below the working directory; copy them there, or into $defs", "%q cannot be read: %v", ref.text, err)
		}
		break
	}
	j.fail(ref, "a path in $ref counts from the directory of the file that it is in, or from a directory above that ends where forge runs", "%q is no file beside the schema: there is no %s", ref.text, path.Join(dir, file))
	return nil
}

func (j *jsonReader) parse(ref *node, name, content string) *node {
	if len(j.files) > mostFiles {
		j.fail(ref, "describe only what the service needs", "the schema refers to more than %d files, and forge reads no more", mostFiles)
	}
	r := &reader{file: path.Join(path.Dir(j.file), name), text: []byte(content), avro: j.avro}
	root := r.parseTree()
	if root.kind != object && root.kind != boolean {
		r.fail(root, "", "a schema is an object, and this is %s", root.kind)
	}
	j.add(name, root)
	return root
}

// isOld reports whether a file is of a draft in which nothing beside $ref counts.
func isOld(root *node) bool {
	draft := root.get("$schema")
	return draft != nil && draft.kind == text && slices.ContainsFunc([]string{"draft-03", "draft-04", "draft-05", "draft-06", "draft-07"}, func(old string) bool { return strings.Contains(draft.text, old) })
}
