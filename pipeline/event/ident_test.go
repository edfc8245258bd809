package event

import (
	"math"
	"testing"
)

func TestBlockedValues(t *testing.T) {
	h := testHasher()
	for v, want := range map[string]bool{
		"": true, "null": true, "anonymous": true, "-1": true, "00": true, "0000": true, "00-00": true,
		"0": false, "-": false, "01": false, "NULL": false, "a": false,
	} {
		if h.IsBlocked([]byte(v)) != want {
			t.Errorf("%q: blocked %v, want %v", v, !want, want)
		}
	}
	if NewHasher("k", nil).IsBlocked([]byte("000")) {
		t.Error("zeros are blocked without being listed")
	}
}

func TestHashes(t *testing.T) {
	a, b := testHasher(), NewHasher("other", nil)
	x := a.Sum(TagText, []byte("x"))
	if x != a.Sum(TagText, []byte("x")) || x == b.Sum(TagText, []byte("x")) || x == a.Sum(TagFact, []byte("x")) || x == a.Sum(TagText, []byte("y")) {
		t.Error("a hash is one of key, tag and value")
	}
	if a.Mix(TagFact, x, Hash{}) == a.Mix(TagFact, Hash{}, x) {
		t.Error("Mix does not tell the order")
	}
	if (Hash{1, 1}).String() != "00000000000000010000000000000001" || (Hash{}).String() != "" || (Hash{Hi: 5}).String() != "" {
		t.Error("hexadecimal digits")
	}
	if !(Hash{}).IsZero() || (Hash{Hi: 1}).IsZero() || !(Hash{Hi: 1}).IsProvisional() || (Hash{}).IsProvisional() || x.IsProvisional() {
		t.Error("zero and provisional hashes")
	}
	if !(Hash{1, 9}).Less(Hash{2, 0}) || !(Hash{1, 1}).Less(Hash{1, 2}) || (Hash{1, 1}).Less(Hash{1, 1}) {
		t.Error("order of hashes")
	}
	for _, n := range []int{1, 7, 64} {
		for _, h := range []Hash{{}, {1, 1}, x, {math.MaxUint64, 1}} {
			if s := h.Shard(n); s < 0 || s >= n {
				t.Errorf("%v goes to shard %d of %d", h, s, n)
			}
		}
	}
}

// TestNames: each name leads to its code and back; the vocabulary, the ranks
// and the system events are those of semantics §1 and §2.
func TestNames(t *testing.T) {
	for n := range Name(NumNames) {
		if got := NameOf([]byte(n.String())); got != n {
			t.Errorf("%q is code %d, not %d", n, got, n)
		}
	}
	if NameOf([]byte("order completed")) != Custom || NameOf(nil) != Custom {
		t.Error("another spelling is in the vocabulary")
	}
	system := []string{"identify", "alias", "group", "Sensor Seen", "Counter Read", "Message Sent", "Shipment Updated", "Pickup Ready",
		"Pickup Expired", "Order Updated", "Order Refunded", "Order Cancelled", "Case Closed"}
	count := 0
	for n := range Name(NumNames) {
		if n.IsSystem() {
			count++
		}
	}
	for _, s := range system {
		if !NameOf([]byte(s)).IsSystem() {
			t.Errorf("%s opens sessions", s)
		}
	}
	if count != len(system) {
		t.Errorf("%d system events, want %d", count, len(system))
	}
	order := []Name{StoreEntered, ProductViewed, ProductAdded, ProductRemoved, CheckoutStarted, OrderCompleted, StoreExited}
	for i := 1; i < len(order); i++ {
		if order[i-1].Rank() >= order[i].Rank() {
			t.Errorf("%s does not come before %s", order[i-1], order[i])
		}
	}
	for channel, want := range map[string]bool{"pos": true, "store": true, "beacon": true, "web": false, "": false, "POS": false} {
		if IsOffline([]byte(channel)) != want {
			t.Errorf("channel %q: offline %v", channel, !want)
		}
	}
}

func TestColumns(t *testing.T) {
	for c := range Column(NumColumns) {
		if got, ok := ColumnByName(c.String()); !ok || got != c {
			t.Errorf("%q is column %d, %v, not %d", c, got, ok, c)
		}
	}
	if _, ok := ColumnByName("colour"); ok {
		t.Error("colour is a column")
	}
	s := SetOf(Event, Template)
	if !s.Has(Event) || !s.Has(Template) || s.Has(Channel) || !s.Or(SetOf(Channel)).Has(Channel) || s.Has(Channel) {
		t.Errorf("set %v", s)
	}
	w := Want{Attrs: []string{"a"}}.Or(Want{Attrs: []string{"b"}, Items: true})
	if !w.WantsAttr([]byte("a")) || !w.WantsAttr([]byte("b")) || w.WantsAttr([]byte("c")) || !w.Items {
		t.Errorf("want %+v", w)
	}
}

func TestBots(t *testing.T) {
	b := NewBotTest(append([]string{"acme-probe"}, KnownBots...))
	for agent, want := range map[string]bool{
		"Mozilla/5.0 (compatible; Googlebot/2.1)": true, "curl/8.5": true, "ACME-Probe 1": true,
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Safari/604.1": false, "": false,
	} {
		for range 2 { // the second time from the cache
			if b.Is([]byte(agent)) != want {
				t.Errorf("%q: bot %v, want %v", agent, !want, want)
			}
		}
	}
}
