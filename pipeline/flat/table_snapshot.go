package flat

func (t *Table[V]) kind() byte { return 'T' }

func (t *Table[V]) freeze(f *Frozen) frozen {
	s := t.entries.hold(f)
	s.evicted = t.evicted
	return s
}

// load makes the index anew.
func (t *Table[V]) load(r *reader) {
	t.evicted = t.entries.restore(r)
	if r.err != nil {
		return
	}
	t.index = makeIndexFor(t.Len())
	t.entries.Each(func(id uint32, e *entry[V]) bool {
		t.index.insert(t.hash(e.key), id)
		return true
	})
}
