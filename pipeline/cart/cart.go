package cart

import (
	"bytes"
	"encoding/binary"
	"math"

	"touchstream/pipeline/event"
	"touchstream/pipeline/money"
)

// LinesMax is the number of products that a cart remembers, those that left it
// included. Over it products without units are forgotten, the first ones
// first; then new products are not taken.
const LinesMax = 256

// unit is the quantity 1.
const unit = money.Scale

// Columns are what Apply reads of an event.
var Columns = event.SetOf(event.ProductID, event.SKU, event.Quantity, event.Price)

// Line is one product of a cart.
type Line struct {
	Product []byte
	Units   int64 // in 1/10,000
	Price   int64 // of one unit; event.Absent when never known
}

// Cart is a working copy of a cart, to be used again and again. Products refer
// to the blob it was loaded from and to the batches applied to it.
type Cart struct {
	Lines []Line
	// IsCut tells that a product was not taken because the cart is full.
	IsCut bool
}

// IsChange reports whether events of the name change carts.
func IsChange(n event.Name) bool {
	switch n {
	case event.ProductAdded, event.WishlistProductAddedToCart, event.ProductRemoved, event.CartViewed, event.OrderCompleted:
		return true
	}
	return false
}

// Load reads a blob that Append wrote; an empty one is an empty cart.
func (c *Cart) Load(blob []byte) {
	c.Lines, c.IsCut = c.Lines[:0], false
	for len(blob) > 0 {
		var l Line
		n, k := binary.Uvarint(blob)
		blob = blob[k:]
		l.Product, blob = blob[:n:n], blob[n:]
		l.Units, k = binary.Varint(blob)
		blob = blob[k:]
		l.Price, k = binary.Varint(blob)
		blob = blob[k:]
		c.Lines = append(c.Lines, l)
	}
}

// Append writes the cart as a blob.
func (c *Cart) Append(dst []byte) []byte {
	for i := range c.Lines {
		l := &c.Lines[i]
		dst = binary.AppendUvarint(dst, uint64(len(l.Product)))
		dst = append(dst, l.Product...)
		dst = binary.AppendVarint(dst, l.Units)
		dst = binary.AppendVarint(dst, l.Price)
	}
	return dst
}

// Apply changes the cart by one event for which IsChange holds. With foreign
// set its prices are in another currency than the cart's and count as missing.
func (c *Cart) Apply(b *event.Batch, row int, foreign bool) {
	name := b.Name[row]
	first, n := b.Head[row].ItemFirst, b.Head[row].ItemCount
	switch {
	case name == event.OrderCompleted:
		c.Empty()
		return
	case name == event.CartViewed && n == 0:
		return
	case name == event.CartViewed:
		c.Empty()
	}
	if n == 0 {
		product := b.Text(event.ProductID, row)
		if len(product) == 0 {
			product = b.Text(event.SKU, row)
		}
		c.change(name, product, b.Num(event.Quantity, row), known(b.Num(event.Price, row), foreign))
		return
	}
	for i := int(first); i < int(first+n); i++ {
		product := b.ItemText(event.ProductID, i)
		if len(product) == 0 {
			product = b.ItemText(event.SKU, i)
		}
		c.change(name, product, b.ItemNum(event.Quantity, i), known(b.ItemNum(event.Price, i), foreign))
	}
}

func known(price int64, foreign bool) int64 {
	if foreign {
		return event.Absent
	}
	return price
}

func (c *Cart) change(name event.Name, product []byte, quantity, price int64) {
	l := c.find(product)
	if name == event.ProductRemoved {
		if l == nil {
			return
		}
		if quantity == event.Absent {
			l.Units = 0
		} else {
			l.Units = max(0, add(l.Units, -quantity))
		}
	} else {
		if l == nil {
			if l = c.insert(product); l == nil {
				return
			}
		}
		if quantity == event.Absent {
			quantity = unit
		}
		l.Units = max(0, add(l.Units, quantity))
	}
	if price != event.Absent {
		l.Price = price
	}
}

func (c *Cart) find(product []byte) *Line {
	for i := range c.Lines {
		if bytes.Equal(c.Lines[i].Product, product) {
			return &c.Lines[i]
		}
	}
	return nil
}

// insert makes a line for a new product; nil when the cart is full.
func (c *Cart) insert(product []byte) *Line {
	if len(c.Lines) == LinesMax {
		gone := -1
		for i := range c.Lines {
			if c.Lines[i].Units == 0 {
				gone = i
				break
			}
		}
		if gone < 0 {
			c.IsCut = true
			return nil
		}
		c.Lines = append(c.Lines[:gone], c.Lines[gone+1:]...)
	}
	c.Lines = append(c.Lines, Line{Product: product, Price: event.Absent})
	return &c.Lines[len(c.Lines)-1]
}

// Empty takes all units out.
func (c *Cart) Empty() {
	for i := range c.Lines {
		c.Lines[i].Units = 0
	}
}

// Merge joins a cart with one that is older: each product keeps the larger
// quantity, and the price known last.
func (c *Cart) Merge(older *Cart) {
	for _, o := range older.Lines {
		l := c.find(o.Product)
		if l == nil {
			if l = c.insert(o.Product); l == nil {
				return
			}
		}
		l.Units = max(l.Units, o.Units)
		if l.Price == event.Absent {
			l.Price = o.Price
		}
	}
}

// Units counts the units of all products, in 1/10,000.
func (c *Cart) Units() int64 {
	sum := int64(0)
	for i := range c.Lines {
		sum = add(sum, c.Lines[i].Units)
	}
	return sum
}

// Value is the sum over products of units × price, each rounded half away from zero.
func (c *Cart) Value() int64 {
	sum := int64(0)
	for i := range c.Lines {
		if l := &c.Lines[i]; l.Units > 0 && l.Price != event.Absent {
			v, ok := money.Mul(l.Units, l.Price)
			if !ok {
				v = math.MaxInt64
			}
			sum = add(sum, v)
		}
	}
	return sum
}

// add is a + b, held within what 64 bits can say; math.MinInt64 means absent.
func add(a, b int64) int64 {
	s := a + b
	switch {
	case a > 0 && b > 0 && s < 0:
		return math.MaxInt64
	case a < 0 && b < 0 && (s >= 0 || s == math.MinInt64):
		return -math.MaxInt64
	}
	return s
}
