package event

import (
	"bytes"
	"slices"

	"touchstream/pipeline/codec"
)

// Head is what most operators read of every event, in one line of memory: a row
// of columns of which each is a line of its own would cost a wait for each.
type Head struct {
	Device Hash // session key; zero: none
	// User is the lower half of the hash of user_id, 0: none.
	User uint64
	// Product and SKU are hashes of product_id and sku, the lower halves with
	// TagText; 0: none.
	Product, SKU uint64
	// Page is the path of the page, without query and fragment: see pageOf.
	Page                 Str
	ItemFirst, ItemCount uint32
	Flags                Flags
	DeviceKind           Ident
	IsKnown              bool // user_id or loyalty_id is there
}

// heads completes the heads of the rows from a row on, once identifiers are
// hashed.
func (f *Finisher) heads(b *Batch, from int) {
	for _, k := range slices.Backward(SessionKinds[:]) {
		if b.Ident[k] == nil || b.NoIdent[k] {
			continue
		}
		for r := from; r < b.N; r++ {
			if device := b.Ident[k][r]; !device.IsZero() {
				b.Head[r].Device, b.Head[r].DeviceKind = device, k
			}
		}
	}
	if users := b.Ident[IdentUser]; users != nil && !b.NoIdent[IdentUser] {
		for r := from; r < b.N; r++ {
			b.Head[r].User, b.Head[r].IsKnown = users[r].Lo, !users[r].IsZero()
		}
	}
	if members := b.Ident[IdentLoyalty]; members != nil && !b.NoIdent[IdentLoyalty] {
		for r := from; r < b.N; r++ {
			b.Head[r].IsKnown = b.Head[r].IsKnown || !members[r].IsZero()
		}
	}
	f.goods(b, from, ProductID, func(h *Head) *uint64 { return &h.Product })
	f.goods(b, from, SKU, func(h *Head) *uint64 { return &h.SKU })
	if b.hasPages() {
		for r := from; r < b.N; r++ {
			b.Head[r].Page = b.pageOf(r)
		}
	}
}

// goods hashes a column of names of goods.
func (f *Finisher) goods(b *Batch, from int, c Column, field func(*Head) *uint64) {
	if b.Str[c] == nil {
		return
	}
	texts := b.Str[c][from:b.N]
	f.sums = slices.Grow(f.sums[:0], len(texts))[:len(texts)]
	f.column.start(f.Hasher, TagText)
	for r, text := range texts {
		if text.Len > 0 {
			f.column.hash(f.Hasher, f.sums, r, b.Bytes(text))
		}
	}
	f.column.flush(f.sums)
	for r, text := range texts {
		if text.Len > 0 {
			*field(&b.Head[from+r]) = f.sums[r].Lo
		}
	}
}

// hasPages reports whether rows tell pages at all.
func (b *Batch) hasPages() bool { return b.Str[PagePath] != nil || b.Str[PageURL] != nil }

// pageOf is the path of the row's page, of page_path or else of page_url, as far
// as its query or fragment.
func (b *Batch) pageOf(row int) Str {
	page := Str{}
	if col := b.Str[PagePath]; col != nil {
		page = col[row]
	}
	if col := b.Str[PageURL]; page.Len == 0 && col != nil && col[row].Len > 0 {
		page = b.pathOf(col[row])
	}
	for i, c := range b.Bytes(page) {
		if c == '?' || c == '#' {
			page.Len = uint32(i)
			break
		}
	}
	return page
}

// pathOf is what follows scheme and host in a URL; at least "/".
func (b *Batch) pathOf(url Str) Str {
	text := b.Bytes(url)
	i := bytes.Index(text, []byte("://"))
	if i < 0 {
		return url
	}
	host := text[i+3:]
	slash := bytes.IndexAny(host, "/?#")
	if slash < 0 || host[slash] != '/' {
		return b.Put([]byte("/"))
	}
	skip := uint32(i + 3 + slash)
	return Str{url.Off + skip, url.Len - skip}
}

// copyHeads copies heads into slots whose other columns are copied already;
// copyItems tells their items.
func (b *Batch) copyHeads(slots []uint32, src *Batch, rows []uint32) {
	pages := b.hasPages()
	for i, to := range slots {
		h := &b.Head[to]
		*h = src.Head[rows[i]]
		if h.Page = (Str{}); pages {
			h.Page = b.pageOf(int(to))
		}
	}
}

// appendHeads appends what cannot be told from other columns.
func (b *Batch) appendHeads(dst []byte, rows []uint32) []byte {
	dst = appendField(dst, b.Head, rows, func(h *Head) *Hash { return &h.Device })
	dst = appendField(dst, b.Head, rows, func(h *Head) *uint64 { return &h.User })
	dst = appendField(dst, b.Head, rows, func(h *Head) *uint64 { return &h.Product })
	dst = appendField(dst, b.Head, rows, func(h *Head) *uint64 { return &h.SKU })
	dst = appendField(dst, b.Head, rows, func(h *Head) *Flags { return &h.Flags })
	dst = appendField(dst, b.Head, rows, func(h *Head) *Ident { return &h.DeviceKind })
	for _, r := range rows {
		dst = codec.AppendFlag(dst, b.Head[r].IsKnown)
	}
	return dst
}

// headBytes is what appendHeads takes of a row.
const headBytes = 16 + 3*8 + 3

// loadHeads reads what appendHeads gave, once the other columns are there.
func (b *Batch) loadHeads(r *codec.Reader) {
	heads := b.Head[:b.N]
	clear(heads)
	loadField(r, heads, func(h *Head) *Hash { return &h.Device })
	loadField(r, heads, func(h *Head) *uint64 { return &h.User })
	loadField(r, heads, func(h *Head) *uint64 { return &h.Product })
	loadField(r, heads, func(h *Head) *uint64 { return &h.SKU })
	loadField(r, heads, func(h *Head) *Flags { return &h.Flags })
	loadField(r, heads, func(h *Head) *Ident { return &h.DeviceKind })
	for i := range heads {
		heads[i].IsKnown = r.Flag()
		if int(heads[i].DeviceKind) >= NumIdents {
			r.Fail("a device has a kind of identifier that is not known")
		}
		if b.hasPages() && r.Err() == nil {
			heads[i].Page = b.pageOf(i)
		}
	}
}

func appendField[T codec.Fixed](dst []byte, heads []Head, rows []uint32, field func(*Head) *T) []byte {
	values := make([]T, len(rows))
	for i, r := range rows {
		values[i] = *field(&heads[r])
	}
	return codec.AppendAll(dst, values)
}

func loadField[T codec.Fixed](r *codec.Reader, heads []Head, field func(*Head) *T) {
	values := make([]T, len(heads))
	codec.Fill(r, values)
	for i, v := range values {
		*field(&heads[i]) = v
	}
}
