package flat

import (
	"bytes"
	"slices"
	"testing"
)

func runArena(t *testing.T, prog []byte) {
	p := program{prog}
	a := NewArena()
	type kept struct {
		ref  Ref
		want []byte
	}
	var all []kept
	fill := func(n int) []byte {
		x := byte(p.num(1))
		b := make([]byte, n)
		for i := range b {
			b[i] = x + byte(i*7)
		}
		return b
	}
	length := func() int {
		n := int(p.num(2))
		switch n % 16 {
		case 0:
			return 0
		case 1:
			return n * 5 // Up to five pages.
		case 2, 3, 4:
			return n / 8
		default:
			return n % 97
		}
	}
	for p.more() {
		op, n := p.num(1), length()
		if op < 90 || len(all) == 0 {
			want := fill(n)
			all = append(all, kept{a.Put(want), want})
			continue
		}
		i := int(p.num(2)) % len(all)
		k := &all[i]
		if !bytes.Equal(a.Get(k.ref), k.want) || k.ref.Len() != len(k.want) {
			t.Fatalf("blob %x of %d bytes is not what was put", k.ref, len(k.want))
		}
		switch {
		case op < 130:
			k.want = fill(n)
			k.ref = a.Replace(k.ref, k.want)
		case op < 150: // With a part of itself.
			n = min(n, len(k.want))
			k.want = slices.Clone(k.want[len(k.want)-n:])
			k.ref = a.Replace(k.ref, a.Get(k.ref)[k.ref.Len()-n:])
		case op < 180:
			want := make([]byte, n)
			copy(want, k.want)
			k.want = want
			k.ref = a.Resize(k.ref, n)
		case op < 200:
			copy(a.Mut(k.ref), fill(len(k.want)))
			k.want = slices.Clone(a.Get(k.ref))
		default:
			a.Free(k.ref)
			all = slices.Delete(all, i, i+1)
		}
	}
	sum := 0
	for _, k := range all {
		sum += len(k.want)
		if !bytes.Equal(a.Get(k.ref), k.want) {
			t.Fatalf("blob %x of %d bytes is not what was put", k.ref, len(k.want))
		}
	}
	if a.Len() != sum {
		t.Fatalf("Len = %d, want %d", a.Len(), sum)
	}
	if a.Bytes() < sum {
		t.Fatalf("Bytes = %d for %d bytes of blobs", a.Bytes(), sum)
	}
}

func TestArena(t *testing.T) { runPrograms(t, runArena) }
func FuzzArena(f *testing.F) { fuzzPrograms(f, runArena) }

func TestArenaClasses(t *testing.T) {
	last := 0
	for n := 1; n <= BlobMax; n += 1 + n/50 {
		c := classOf(n)
		room := int(classUnits(c)) * unitBytes
		if c < last || c >= classes || room < n || n > 32 && room > n*5/4+unitBytes || n <= 32 && room >= n+unitBytes {
			t.Fatalf("%d bytes go to class %d with room for %d", n, c, room)
		}
		last = c
	}
	if c := classOf(BlobMax); c != classes-1 {
		t.Errorf("the last class is %d, want %d", c, classes-1)
	}
}

func TestArenaBounds(t *testing.T) {
	a := NewArena()
	if r := a.Put(make([]byte, BlobMax+1)); r != 0 {
		t.Errorf("a blob beyond BlobMax is kept as %x", r)
	}
	if r := a.Put(nil); r != 0 || len(a.Get(r)) != 0 {
		t.Errorf("the empty blob is %x", r)
	}
	a.Free(0)
	if a.Len() != 0 {
		t.Errorf("Len = %d, want 0", a.Len())
	}
}

// A blob must end at its length, or an append would write into its neighbour.
func TestArenaGetIsCapped(t *testing.T) {
	a := NewArena()
	r := a.Put([]byte("abcd"))
	if got := cap(a.Get(r)); got != 4 {
		t.Errorf("cap = %d, want 4", got)
	}
}

func TestArenaReuses(t *testing.T) {
	a := NewArena()
	b := make([]byte, 3000)
	var refs []Ref
	for range 1000 {
		refs = append(refs, a.Put(b))
	}
	full := a.Bytes()
	if limit := 1000 * 3000 * 3 / 2; full > limit {
		t.Errorf("%d bytes for 1,000 blobs of 3,000", full)
	}
	for range 5 {
		for i := range refs {
			a.Free(refs[i])
		}
		for i := range refs {
			refs[i] = a.Put(b)
		}
	}
	if a.Bytes() != full {
		t.Errorf("%d bytes after freeing and putting again, want %d", a.Bytes(), full)
	}
}

func TestArenaLists(t *testing.T) {
	type item struct {
		hash uint64
		n    uint16
	}
	a := NewArena()
	a.Put([]byte("x"))
	want := []item{{1, 2}, {3, 4}, {5, 6}}
	r := a.Put(Bytes(want))
	if got := Of[item](a.Get(r)); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	Of[item](a.Mut(r))[1].n = 9
	if got := Of[item](a.Get(r))[1].n; got != 9 {
		t.Errorf("got %d, want 9", got)
	}
	if got := Of[item](a.Get(0)); got != nil {
		t.Errorf("the empty blob is %v", got)
	}
}

func TestArenaSteadyState(t *testing.T) {
	a := NewArena()
	b := make([]byte, 300)
	r := a.Put(b[:100])
	a.Free(a.Put(b))
	n := 0
	noAllocs(t, "arena", func() {
		n++
		r = a.Replace(r, b[:100+200*(n&1)])
		a.Get(r)
	})
}

func BenchmarkArena(b *testing.B) {
	a := NewArena()
	refs := make([]Ref, 100_000)
	blob := make([]byte, 200)
	for i := 0; b.Loop(); i++ {
		k := i * 7919 % len(refs)
		refs[k] = a.Replace(refs[k], blob[:16+i%180])
	}
}
