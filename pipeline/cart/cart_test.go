package cart_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"touchstream/pipeline/cart"
	"touchstream/pipeline/event"
	"touchstream/pipeline/money"
	"touchstream/pipeline/pipetest"
)

// apply runs a script through one cart, with a blob between any two events.
func apply(t testing.TB, script string) *cart.Cart {
	t.Helper()
	l, err := pipetest.Parse(script)
	if err != nil {
		t.Fatal(err)
	}
	b := l.Batch(0)
	c := &cart.Cart{}
	var blob []byte
	for row := range b.N {
		c.Load(blob)
		if cart.IsChange(b.Name[row]) {
			c.Apply(b, row, string(b.Text(event.Currency, row)) == "USD")
		}
		blob = c.Append(nil)
	}
	c.Load(blob)
	return c
}

func show(c *cart.Cart) string {
	var parts []string
	for _, l := range c.Lines {
		if l.Units > 0 {
			parts = append(parts, fmt.Sprintf("%s:%s", l.Product, money.Append(nil, l.Units)))
		}
	}
	return fmt.Sprintf("%s = %s, %s", strings.Join(parts, " "), money.Append(nil, c.Units()), money.Append(nil, c.Value()))
}

func TestRules(t *testing.T) {
	f := func(title, script, want string) {
		t.Helper()
		if got := show(apply(t, script)); got != want {
			t.Errorf("%s: %s, want %s", title, got, want)
		}
	}
	f("an add without quantity adds 1", "1:00 Product Added product_id=p price=5\n1:01 Product Added product_id=p", "p:2 = 2, 10")
	f("a remove without quantity removes all", "1:00 Product Added product_id=p quantity=3\n1:01 Product Removed product_id=p", " = 0, 0")
	f("units are never below 0", "1:00 Product Added product_id=p price=2\n1:01 Product Removed product_id=p quantity=5\n1:02 Product Added product_id=p", "p:1 = 1, 2")
	f("removing what is not there", "1:00 Product Removed product_id=p quantity=5", " = 0, 0")
	f("a missing price is the last known one", "1:00 Product Added product_id=p price=5\n1:01 Product Added product_id=p price=6\n1:02 Product Added product_id=p", "p:3 = 3, 18")
	f("else 0", "1:00 Product Added product_id=p quantity=2", "p:2 = 2, 0")
	f("a price outlives an order", "1:00 Product Added product_id=p price=5\n1:01 Order Completed order_id=o\n1:02 Product Added product_id=p", "p:1 = 1, 5")
	f("Cart Viewed with items replaces", "1:00 Product Added product_id=p price=5\n1:01 Cart Viewed items=q:2:3,p", "p:1 q:2 = 3, 11")
	f("Cart Viewed without items does not", "1:00 Product Added product_id=p price=5\n1:01 Cart Viewed", "p:1 = 1, 5")
	f("an order empties", "1:00 Product Added product_id=p price=5\n1:01 Order Completed product_id=q quantity=1", " = 0, 0")
	f("items of an add", "1:00 Product Added items=p:1:2,q:2:3", "p:1 q:2 = 3, 8")
	f("sku stands in for product_id", "1:00 Product Added sku=s\n1:01 Product Added product_id=s", "s:2 = 2, 0")
	f("parts of units", "1:00 Product Added product_id=p quantity=0.5 price=3.33", "p:0.5 = 0.5, 1.665")
	f("from the wish list", "1:00 Wishlist Product Added to Cart product_id=p price=3", "p:1 = 1, 3")
	f("views change nothing", "1:00 Product Viewed product_id=p price=3", " = 0, 0")
	f("a price in another currency is missing", "1:00 Product Added product_id=p price=3 currency=EUR\n1:01 Product Added product_id=p price=9 currency=USD", "p:2 = 2, 6")
}

func TestMerge(t *testing.T) {
	older := apply(t, "1:00 Product Added product_id=p quantity=3 price=5\n1:01 Product Added product_id=q price=1\n1:01 Product Added product_id=r price=7")
	newer := apply(t, "2:00 Product Added product_id=p quantity=2 price=6\n2:01 Product Added product_id=r quantity=4")
	newer.Merge(older)
	if got, want := show(newer), "p:3 r:4 q:1 = 8, 47"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestFull fills a cart with more products than it remembers.
func TestFull(t *testing.T) {
	var sb strings.Builder
	for i := range cart.LinesMax + 1 {
		fmt.Fprintf(&sb, "1:00 Product Added product_id=p%d\n", i)
	}
	if c := apply(t, sb.String()); len(c.Lines) != cart.LinesMax {
		t.Errorf("%d lines", len(c.Lines))
	}
	c := apply(t, strings.Replace(sb.String(), "p5\n", "p5\n1:00 Product Removed product_id=p5\n", 1))
	if got := string(c.Lines[cart.LinesMax-1].Product); got != fmt.Sprintf("p%d", cart.LinesMax) {
		t.Errorf("the last product is %s", got)
	}
}

// TestAgainstMaps compares with the rules written over maps.
func TestAgainstMaps(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		units, price := map[string]int64{}, map[string]int64{}
		var sb strings.Builder
		for range 40 {
			p, q, v := string(rune('a'+r.IntN(4))), int64(r.IntN(4)), int64(r.IntN(5))
			line := " product_id=" + p
			known := r.IntN(2) == 0
			if known {
				line += fmt.Sprintf(" price=%d", v)
			}
			given := r.IntN(2) == 0
			if given {
				line += fmt.Sprintf(" quantity=%d", q)
			}
			switch r.IntN(9) {
			case 0:
				clear(units)
				sb.WriteString("1:00 Order Completed" + line + "\n")
				continue
			case 1, 2, 3:
				if _, was := units[p]; !was {
					continue
				}
				if !given {
					q = units[p]
				}
				units[p] = max(0, units[p]-q)
				sb.WriteString("1:00 Product Removed" + line + "\n")
			default:
				if !given {
					q = 1
				}
				units[p] += q
				sb.WriteString("1:00 Product Added" + line + "\n")
			}
			if known {
				price[p] = v
			}
		}
		var n, value int64
		for p, u := range units {
			n, value = n+u, value+u*price[p]
		}
		c := apply(t, sb.String())
		if c.Units() != n*money.Scale || c.Value() != value*money.Scale {
			t.Fatalf("%s%s, want %d, %d", sb.String(), show(c), n, value)
		}
	}
}

func TestUnit(t *testing.T) {
	for _, currency := range []string{"", "EUR", strings.Repeat("x", 300)} {
		for _, goods := range []string{"", "cart"} {
			blob := append(cart.AppendUnit(nil, []byte(currency)), goods...)
			if c, g := cart.CutUnit(blob); string(c) != currency || string(g) != goods {
				t.Errorf("%q and %q became %q and %q", currency, goods, c, g)
			}
		}
	}
	if c, g := cart.CutUnit(nil); len(c)+len(g) > 0 {
		t.Errorf("the empty blob is %q and %q", c, g)
	}
}
