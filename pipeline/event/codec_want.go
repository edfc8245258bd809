package event

import (
	"slices"

	"touchstream/pipeline/codec"
)

// appendNames appends what is wanted, by names: numbers of columns may be
// others in another version.
func (w *Want) appendNames(dst []byte) []byte {
	var names []string
	for c := range Column(NumColumns) {
		if w.Columns.Has(c) {
			names = append(names, c.String())
		}
	}
	dst = appendList(dst, names)
	names = names[:0]
	for _, c := range ItemColumns {
		names = append(names, c.String())
	}
	dst = appendList(dst, names)
	dst = codec.AppendFlag(dst, w.Items)
	dst = codec.AppendFlag(dst, w.AllAttrs)
	return appendList(dst, w.attrs())
}

// attrs are the wanted attributes, each once.
func (w *Want) attrs() []string { return slices.Compact(slices.Sorted(slices.Values(w.Attrs))) }

func appendList(dst []byte, names []string) []byte {
	dst = codec.AppendUint(dst, len(names))
	for _, n := range names {
		dst = codec.AppendText(dst, n)
	}
	return dst
}

func readList(r *codec.Reader) []string {
	var out []string
	for range r.Count(1) {
		out = append(out, r.Text())
	}
	return out
}

// checkNames reads what was wanted, which must be the same in the same order.
func (w *Want) checkNames(r *codec.Reader) {
	var now, items []string
	for c := range Column(NumColumns) {
		if w.Columns.Has(c) {
			now = append(now, c.String())
		}
	}
	for _, c := range ItemColumns {
		items = append(items, c.String())
	}
	checkList(r, "column", readList(r), now)
	checkList(r, "item column", readList(r), items)
	checkFlag(r, "items", r.Flag(), w.Items)
	checkFlag(r, "all attributes", r.Flag(), w.AllAttrs)
	checkList(r, "attribute", readList(r), w.attrs())
}

func checkFlag(r *codec.Reader, what string, then, now bool) {
	if then != now {
		r.Fail("rows of events: %s were saved: %t, are wanted: %t", what, then, now)
	}
}

func checkList(r *codec.Reader, what string, then, now []string) {
	for _, n := range then {
		if !slices.Contains(now, n) {
			r.Fail("rows of events: %s %q was saved and is not wanted", what, n)
		}
	}
	for _, n := range now {
		if !slices.Contains(then, n) {
			r.Fail("rows of events: %s %q is wanted and was not saved", what, n)
		}
	}
	if !slices.Equal(then, now) {
		r.Fail("rows of events: the order of columns is another one")
	}
}
