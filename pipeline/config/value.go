package config

// A Value is what stands at a key of more than one possible shape: a scalar
// for the short form, a mapping for the long one, a list.
type Value struct {
	section *Section
	key     string
	pos     Pos
	node    *node // nil: absent
}

// A Pair is an entry of a mapping from names to texts.
type Pair struct {
	Name, Value string
	Pos         Pos
}

// Any declares a key of any shape; kind and def describe it in words. What is
// found in it is up to the caller.
func (s *Section) Any(key, kind, def, doc string) *Value {
	n, pos := s.open(key, doc, kind)
	s.run.defaultOf(pos.Path, def, def != "")
	v := &Value{section: s, key: key, pos: pos, node: n}
	if n == nil {
		s.settingAt(pos.Path, def, true)
	} else {
		s.settingAt(pos.Path, n.flow(), false)
	}
	return v
}

// Values declares a mapping from names that the user gives to values of any
// shape. The function runs for each name in the file's order; while keys are
// being described, once for the name <name>.
func (s *Section) Values(key, kind, doc string, each func(name string, v *Value)) {
	n, pos := s.open(key, doc, kind)
	if s.run.describing {
		each("<name>", &Value{section: s, key: key, pos: Pos{Path: join(pos.Path, "<name>")}})
		return
	}
	s.eachField(key, n, pos, func(f *field, at Pos) {
		v := &Value{section: s, key: key, pos: at, node: f.value}
		s.settingAt(at.Path, f.value.flow(), false)
		each(f.key, v)
	})
}

// Pairs declares a mapping from names to texts, in the file's order.
func (s *Section) Pairs(key string, target *[]Pair, doc string) {
	*target = nil
	s.Values(key, "map of texts", doc, func(name string, v *Value) {
		if s.run.describing {
			return
		}
		text, ok := v.Text()
		if !ok {
			v.Expected("a text")
			return
		}
		*target = append(*target, Pair{Name: name, Value: text, Pos: v.pos})
	})
}

// Pos is the position of the value's key or of the list's element.
func (v *Value) Pos() Pos { return v.pos }

// Present reports whether there is anything but null.
func (v *Value) Present() bool { return v.node != nil && v.node.kind != nullKind }

// Text is the text of a scalar as it is written, flags and numbers included.
func (v *Value) Text() (string, bool) {
	if v.node == nil || v.node.kind != scalarKind {
		return "", false
	}
	return v.node.text, true
}

// Texts is a list of scalars, or one scalar as a list of one. An element of
// another shape is a fault.
func (v *Value) Texts() ([]string, bool) {
	if text, ok := v.Text(); ok {
		return []string{text}, true
	}
	items, ok := v.List()
	if !ok {
		return nil, false
	}
	texts := make([]string, 0, len(items))
	for _, item := range items {
		text, ok := item.Text()
		if !ok {
			item.Expected("a text")
			continue
		}
		texts = append(texts, text)
	}
	return texts, true
}

// IsMapping reports whether the value is a mapping.
func (v *Value) IsMapping() bool { return v.node != nil && v.node.kind == mappingKind }

// Section runs d over a mapping and returns true; for another shape it returns
// false. While keys are being described it runs d.
func (v *Value) Section(d Declarer) bool {
	if v.section.run.describing {
		v.section.child(v.key, nil, v.pos, v.pos.Path).declare(d)
		return true
	}
	if !v.IsMapping() {
		return false
	}
	v.section.run.unlist(v.pos.Path)
	sub := v.section.child(v.key, v.node, v.pos, v.pos.Path)
	sub.sparse = true
	sub.declare(d)
	return true
}

// List is the elements of a list.
func (v *Value) List() ([]*Value, bool) {
	if v.node == nil || v.node.kind != listKind {
		return nil, false
	}
	items := make([]*Value, len(v.node.items))
	for i, item := range v.node.items {
		items[i] = &Value{section: v.section, key: v.key, pos: itemPos(v.pos, i, item), node: item}
	}
	return items, true
}

// Map calls the function for each entry of a mapping, in the file's order.
func (v *Value) Map(each func(name string, v *Value)) bool {
	if !v.IsMapping() {
		return false
	}
	v.section.eachField(v.key, v.node, v.pos, func(f *field, at Pos) {
		each(f.key, &Value{section: v.section, key: v.key, pos: at, node: f.value})
	})
	return true
}

// Duration reads a duration in milliseconds; anything else is a fault.
func (v *Value) Duration() (int64, bool) {
	text, ok := v.Text()
	if ok {
		if ms, err := ParseDuration(text); err == nil {
			return ms, true
		}
	}
	v.Expected("a duration such as 30m, 90s or 30d")
	return 0, false
}

// Fault reports a fault of the value, unless what stands there is reported
// already, such as a reference to the environment that could not be filled.
func (v *Value) Fault(format string, args ...any) {
	if v.node != nil && v.node.isFaulty {
		v.section.markWrong(v.key)
		return
	}
	v.section.spoil(v.key, v.pos.Fault(format, args...))
}

// Expected reports that something else was wanted.
func (v *Value) Expected(want string) {
	found := "nothing"
	if v.node != nil {
		found = v.node.describe()
	}
	v.Fault("%s is expected, found %s", want, found)
}
