package decode

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"touchstream/pipeline/cpu"
)

// gatherTree looks for some paths and keeps the rest of others.
func gatherTree() (*Node, int32) {
	n := NewTree()
	for _, p := range []string{"a", "b.c", "b.d.e", "f", "g", "g.h", "i"} {
		n.Add(strings.Split(p, ".")...)
	}
	n.Way("b").Rest = 1
	n.Way("r").Rest = 2
	return n, n.Number(0)
}

// gathered is what a Gatherer makes of a record, as text.
func gathered(g *Gatherer, n *Node, data []byte, from, to int) string {
	clear(g.Cells)
	g.Rest = g.Rest[:0]
	g.Reset(data[:to:to], from)
	g.Gather(n)
	if !g.End() {
		return g.Fault()
	}
	return fmt.Sprint(g.Cells, g.Rest)
}

// checkShapes compares gathering with and without shapes, each record three
// times, in a chunk, with AVX2 if there is any and without.
func checkShapes(t *testing.T, records [][]byte) {
	t.Helper()
	fast := cpu.HasAVX2
	defer func() { cpu.HasAVX2 = fast }()
	gatherBoth(t, records)
	cpu.HasAVX2 = false
	gatherBoth(t, records)
}

func gatherBoth(t *testing.T, records [][]byte) {
	t.Helper()
	records = slices.Concat(records, records, records)
	data := bytes.Join(records, nil)
	tree, slots := gatherTree()
	slow, _ := gatherTree()
	var x Index
	x.Build(data, 0)
	g, o := &Gatherer{Cells: make([]Value, slots)}, &Gatherer{Cells: make([]Value, slots)}
	g.Use(&x)
	at := 0
	for _, r := range records {
		got, want := gathered(g, tree, data, at, at+len(r)), gathered(o, slow, data, at, at+len(r))
		if got != want {
			t.Fatalf("%q at %d:\n%s\nwant\n%s", r, at, got, want)
		}
		at += len(r)
	}
}

var gatherTexts = []string{
	`{"a":"x","b":{"c":1,"d":{"e":"y"},"z":"rest"},"f":true,"r":{"q":null,"p":""}}`,
	`{"a":"x","b":{"c":12.75,"d":{"e":"y"},"z":"rest"},"f":true,"r":{"q":null,"p":""}}`,
	`{"a":"","b":{"c":null},"i":[1,{"a":2}],"o":{"p":[1],"q":{"r":"s"}}}`,
	`{"a":"zażółć","b":{"c":"\u0041\n"},"i":{"x":1},"r":{"\u0071":1}}`,
	`{"a":"  ","b":{"c":"\u0020"},"f":-1.5e3}`, `{"a":1,"a":2}`, `{"b":{"c":1},"b":{"x":2}}`, `{"g":{"h":1}}`, `{"g":1,"b":[]}`, `{}`, `{"a":1`, `{"a":1}}`, `{"a":1.}`,
	`{"a":01}`, `{"a":12345678}`, `{"a":123456789.123456789}`, `{"a":1e5}`, `{"a":-}`, `{"a":"`, "{\"a\":\"\n\"}", "{\"a\":\"x\xff\"}", ` { "a" : 1 , "b" : { } } `, `{"a":x}`,
	`{"a":"y" ,"b":{"d":[]}}`, `{"` + strings.Repeat("k", 70) + `":"v","a":3}`, `{"b":"text","r":7}`, `{"o":` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `}`,
}

func TestShapesChangeNothing(t *testing.T) {
	var all [][]byte
	for _, s := range gatherTexts {
		all = append(all, []byte(s))
	}
	checkShapes(t, all)
	for _, s := range all {
		for i := range s {
			checkShapes(t, [][]byte{s, s[:i]})
		}
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		var records [][]byte
		for range 1 + rng.IntN(12) {
			r := bytes.Clone(all[rng.IntN(len(all))])
			for range rng.IntN(3) {
				mutate(rng, &r)
			}
			records = append(records, r)
		}
		checkShapes(t, records)
	}
}

// mutate changes a byte, cuts a piece out or doubles one.
func mutate(rng *rand.Rand, r *[]byte) {
	d := *r
	if len(d) < 2 {
		return
	}
	i := rng.IntN(len(d) - 1)
	j := i + 1 + rng.IntN(min(len(d)-i-1, 12))
	switch rng.IntN(3) {
	case 0:
		const odd = "\"\\{}[],:0123-.eE \nabtfn\x00\xc3\xff"
		d[i] = odd[rng.IntN(len(odd))]
	case 1:
		*r = slices.Delete(d, i, j)
	case 2:
		*r = slices.Insert(d, i, d[i:j]...)
	}
}

func FuzzShapes(f *testing.F) {
	for i, s := range gatherTexts {
		f.Add([]byte(s), []byte(gatherTexts[(i+1)%len(gatherTexts)]))
	}
	f.Fuzz(func(t *testing.T, a, b []byte) { checkShapes(t, [][]byte{a, b, a}) })
}

// TestShapesAreFound: the fast way is taken where it can be.
func TestShapesAreFound(t *testing.T) {
	record := func(i int) string { return fmt.Sprintf(`{"a":"x%d","b":{"c":%d.5,"z":true},"i":[%d]}`, i, i, i) }
	var data []byte
	for i := range 100 {
		data = append(data, record(i)...)
	}
	n, slots := gatherTree()
	var x Index
	x.Build(data, 0)
	g := &Gatherer{Cells: make([]Value, slots)}
	g.Use(&x)
	at, missed := 0, 0
	for i := range 100 {
		g.Reset(data[:at+len(record(i))], at)
		if g.Match(n) == nil {
			missed++
			g.Walk(n)
			g.Learn(n, at)
		}
		if !g.End() {
			t.Fatal(g.Fault())
		}
		at += len(record(i))
	}
	if missed != 1 {
		t.Errorf("%d of 100 objects had no shape, want the first one alone", missed)
	}
}

// TestMemoryOfShapesIsBounded: keys that never come again are not kept for ever.
func TestMemoryOfShapesIsBounded(t *testing.T) {
	n, slots := gatherTree()
	var x Index
	g := &Gatherer{Cells: make([]Value, slots)}
	g.Use(&x)
	for i := range 20_000 {
		data := fmt.Appendf(nil, `{"a":1,"x%d":{"y%d":"%d"}}`, i%11, i, i)
		x.Build(data, 0)
		g.Reset(data, 0)
		if g.Gather(n); !g.End() {
			t.Fatal(g.Fault())
		}
		if n.shapes.steps > stepsMax || n.shapes.credit < 0 {
			t.Fatalf("%d steps, credit %d", n.shapes.steps, n.shapes.credit)
		}
	}
}

// TestLongKeysAreNotKept: shapes remember keys, but no long ones.
func TestLongKeysAreNotKept(t *testing.T) {
	n, slots := gatherTree()
	var x Index
	g := &Gatherer{Cells: make([]Value, slots)}
	g.Use(&x)
	for _, length := range []int{100, textMax + 1} {
		n.shapes = shapes{}
		data := fmt.Appendf(nil, `{"%s":1,"a":2}`, strings.Repeat("k", length))
		x.Build(data, 0)
		g.Reset(data, 0)
		if g.Gather(n); !g.End() {
			t.Fatal(g.Fault())
		}
		if isKept := n.shapes.steps > 0; isKept != (length < textMax) {
			t.Errorf("a key of %d bytes leaves %d steps", length, n.shapes.steps)
		}
	}
}
