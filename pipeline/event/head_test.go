package event

import (
	"bytes"
	"testing"
)

func TestPageOf(t *testing.T) {
	for _, c := range []struct{ url, path, want string }{
		{"", "", ""},
		{"https://shop.example/a/b?x=1#y", "", "/a/b"},
		{"https://shop.example", "", "/"},
		{"https://shop.example?x=1", "", "/"},
		{"https://shop.example#y", "", "/"},
		{"/a#top", "", "/a"},
		{"https://shop.example/a", "/b?q=2", "/b"},
		{"https://shop.example/a", "?q=2", ""},
	} {
		b := NewBatch(Want{Columns: SetOf(PageURL, PagePath)})
		row := b.Add()
		b.Str[PageURL][row], b.Str[PagePath][row] = b.Put([]byte(c.url)), b.Put([]byte(c.path))
		if got := string(b.Bytes(b.pageOf(row))); got != c.want {
			t.Errorf("page %q, %q = %q, want %q", c.url, c.path, got, c.want)
		}
	}
}

// TestHeads holds heads against the columns that they are made of, also in a
// copy and in a saved batch.
func TestHeads(t *testing.T) {
	columns := []Column{UserID, LoyaltyID, AnonymousID, ProductID, SKU, PagePath, PageURL, Event, EventTime, MessageID}
	want := Want{Columns: SetOf(columns...)}
	b := NewBatch(want)
	const n = 23
	for r := range n {
		b.Add()
		b.Record[r] = uint32(r)
		for i, c := range columns {
			if c.Kind() == Text && (r>>(i%4))%2 == 0 {
				b.Str[c][r] = b.Put([]byte{'/', byte('a' + r%5), byte('a' + i), '?', byte(r)})
			}
		}
	}
	f := &Finisher{Hasher: testHasher()}
	f.Finish(chunk(n), b)
	seen := 0
	for r := range n {
		h := b.Head[r]
		user, product, sku := b.Ident[IdentUser][r], sumOf(b.Text(ProductID, r)), sumOf(b.Text(SKU, r))
		if h.User != user.Lo || h.IsKnown != (!user.IsZero() || !b.Ident[IdentLoyalty][r].IsZero()) || h.Product != product || h.SKU != sku {
			t.Errorf("row %d: head %+v", r, h)
		}
		path := b.Text(PagePath, r)
		if len(path) == 0 {
			path = b.Text(PageURL, r)
		}
		path, _, _ = bytes.Cut(path, []byte("?"))
		if !bytes.Equal(b.Bytes(h.Page), path) {
			t.Errorf("row %d: page %q, want %q", r, b.Bytes(h.Page), path)
		}
		if product != 0 && !user.IsZero() && len(path) > 0 {
			seen++
		}
	}
	if seen == 0 {
		t.Fatal("no row has all of it")
	}
	rows := []uint32{3, 22, 0, 7}
	copied, loaded := NewBatch(want), NewBatch(want)
	copied.Put([]byte("before"))
	for range rows {
		copied.Add()
	}
	copied.CopyRows([]uint32{0, 1, 2, 3}, b, rows)
	if err := loaded.LoadRows(b.AppendRows(nil, rows)); err != nil {
		t.Fatal(err)
	}
	for _, o := range []*Batch{copied, loaded} {
		for i, r := range rows {
			x, y := o.Head[i], b.Head[r]
			if !bytes.Equal(o.Bytes(x.Page), b.Bytes(y.Page)) {
				t.Errorf("row %d: page %q, want %q", r, o.Bytes(x.Page), b.Bytes(y.Page))
			}
			x.Page, y.Page = Str{}, Str{}
			if x != y {
				t.Errorf("row %d: head %+v, want %+v", r, x, y)
			}
		}
	}
}

func sumOf(text []byte) uint64 {
	if len(text) == 0 {
		return 0
	}
	return testHasher().Sum(TagText, text).Lo
}
