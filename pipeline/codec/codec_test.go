package codec

import (
	"slices"
	"testing"
)

type pair struct{ Hi, Lo uint64 }

func TestColumnsComeBack(t *testing.T) {
	pairs, numbers := []pair{{1, 2}, {3, 4}, {5, 6}}, []int64{-1, 2, -3}
	b := AppendText(nil, "name")
	b = AppendFlag(b, true)
	b = AppendRows(b, pairs, []uint32{2, 0})
	b = AppendUint(b, len(numbers))
	b = AppendAll(b, numbers)
	r := NewReader(b)
	name, flag, got := r.Text(), r.Flag(), make([]pair, 2)
	Fill(r, got)
	all := All(r, []int64{9}, r.Count(8))
	if err := r.End(); err != nil || name != "name" || !flag || !slices.Equal(got, []pair{{5, 6}, {1, 2}}) || !slices.Equal(all, []int64{9, -1, 2, -3}) {
		t.Error(err, name, flag, got, all)
	}
	for n := range b {
		r := NewReader(b[:n])
		r.Text()
		r.Flag()
		Fill(r, got)
		All(r, []int64{}, r.Count(8))
		if r.End() == nil {
			t.Errorf("%d of %d bytes are enough", n, len(b))
		}
	}
}

func TestFaultsOfReaders(t *testing.T) {
	f := func(want string, src []byte, read func(r *Reader)) {
		t.Helper()
		r := NewReader(src)
		read(r)
		if err := r.End(); err == nil || err.Error() != want {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	f("1 bytes follow the end", []byte{0, 0}, func(r *Reader) { r.Count(1) })
	f("a flag is 2", []byte{2}, func(r *Reader) { r.Flag() })
	f("the bytes end too early", []byte{2, 0, 0}, func(r *Reader) { r.Count(2) })
	f("the bytes end too early", []byte{255, 255, 255, 255, 255, 255, 255, 255, 255, 1}, func(r *Reader) { r.Count(0) })
	f("the bytes end too early", []byte{0}, func(r *Reader) { All(r, []int64{}, 1<<62) })
	f("the bytes end too early", []byte{0}, func(r *Reader) { r.Bytes(-1) })
	f("first", []byte{0}, func(r *Reader) { r.Fail("first"); r.Fail("second"); r.Text() })
}
