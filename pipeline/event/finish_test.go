package event

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
)

// chunk is one record for each row, of a source.
func chunk(rows int) *Chunk {
	c := &Chunk{Origin: Origin{Source: "web", Topic: "t", Partition: 3}, OriginIndex: 1}
	for i := range rows {
		c.Add([]byte("{}"), int64(100+i), int64(5000+i))
	}
	return c
}

// rowsOf makes a batch of all columns with so many rows.
func rowsOf(rows int) *Batch {
	b := NewBatch(Want{Columns: AllColumns(), Items: true, AllAttrs: true})
	for r := range rows {
		b.Add()
		b.Record[r] = uint32(r)
	}
	return b
}

func testHasher() *Hasher {
	return NewHasher("secret", []string{"", "null", "0…0", "-1", "anonymous"})
}

func TestFinishNamesAndPlaces(t *testing.T) {
	b := rowsOf(3)
	b.Str[Event][0], b.Str[Event][1] = b.Put([]byte("Order Completed")), b.Put([]byte("Lamp Switched"))
	b.Int[ReceivedTime][2] = 7
	b.Str[UserAgent][1] = b.Put([]byte("GoogleBOT/2.1"))
	f := &Finisher{Hasher: testHasher(), Bots: NewBotTest(KnownBots)}
	f.Finish(chunk(3), b)
	if got, want := b.Name[:3], []Name{OrderCompleted, Custom, Custom}; !slices.Equal(got, want) {
		t.Errorf("names %v, want %v", got, want)
	}
	if got, want := b.Int[ReceivedTime][:3], []int64{5000, 5001, 7}; !slices.Equal(got, want) {
		t.Errorf("received %v, want %v", got, want)
	}
	if got, want := b.Offset[:3], []int64{100, 101, 102}; !slices.Equal(got, want) || b.Origin[2] != 1 || b.Source != "web" {
		t.Errorf("offsets %v of origin %d, source %s", got, b.Origin[2], b.Source)
	}
	if b.Head[0].Flags&IsBot != 0 || b.Head[1].Flags&IsBot == 0 {
		t.Errorf("heads %+v", b.Head[:3])
	}
}

func TestMessageIDs(t *testing.T) {
	b := rowsOf(4)
	b.Str[MessageID][0], b.Str[MessageID][1] = b.Put([]byte("m1")), b.Put([]byte("m1"))
	b.Element[3], b.Record[3] = 5, 2
	c := chunk(4)
	f := &Finisher{Hasher: testHasher()}
	f.Finish(c, b)
	if b.Message[0] != b.Message[1] || b.Head[0].Flags&IsPositional != 0 {
		t.Error("one message id has two hashes")
	}
	if b.Message[2] == b.Message[3] || b.Head[2].Flags&IsPositional == 0 {
		t.Error("elements of one record have one hash")
	}
	origins := []Origin{{}, c.Origin}
	for row, want := range map[int]string{0: "m1", 2: "web/t/3/102/0", 3: "web/t/3/102/5"} {
		if got := string(AppendMessageID(nil, b, row, origins)); got != want {
			t.Errorf("row %d: %s, want %s", row, got, want)
		}
	}
	c.Origin.Partition = 4
	other := rowsOf(3)
	f.Finish(c, other)
	if other.Message[2] == b.Message[2] {
		t.Error("equal places of two partitions have one hash")
	}
}

func TestFinishFillsDefaults(t *testing.T) {
	b := rowsOf(2)
	b.Str[Channel][0], b.Int[Quantity][0], b.Float[Score][0] = b.Put([]byte("app")), 20_000, 3
	f := &Finisher{Hasher: testHasher(), Defaults: []Default{
		{Column: Channel, Text: "web"}, {Column: Quantity, Int: 10_000}, {Column: Score, Float: 9}, {Column: AnonymousID, Text: "a"},
	}}
	f.Finish(chunk(2), b)
	for r, want := range []string{"app", "web"} {
		if got := string(b.Text(Channel, r)); got != want {
			t.Errorf("row %d: channel %s, want %s", r, got, want)
		}
	}
	if b.Num(Quantity, 0) != 20_000 || b.Num(Quantity, 1) != 10_000 || b.Real(Score, 0) != 3 || b.Real(Score, 1) != 9 {
		t.Errorf("quantities %v, scores %v", b.Int[Quantity][:2], b.Float[Score][:2])
	}
	if b.Head[0].Device.IsZero() || b.Head[0].Device != b.Head[1].Device {
		t.Error("a default identifier makes no session key")
	}
}

func TestAmounts(t *testing.T) {
	const a = Absent
	check := func(what string, price, quantity, amount int64, items [][3]int64, want int64, wantItems ...int64) {
		t.Helper()
		b := rowsOf(1)
		b.Int[Price][0], b.Int[Quantity][0], b.Int[Amount][0] = price, quantity, amount
		for _, it := range items {
			i := b.AddItem(0)
			b.Item.Int[Price][i], b.Item.Int[Quantity][i], b.Item.Int[Amount][i] = it[0], it[1], it[2]
		}
		f := &Finisher{Hasher: testHasher()}
		f.Finish(chunk(1), b)
		if got := b.Num(Amount, 0); got != want || !slices.Equal(b.Item.Int[Amount], wantItems) {
			t.Errorf("%s: amount %d of items %d; want %d of %d", what, got, b.Item.Int[Amount], want, wantItems)
		}
	}
	check("nothing", a, a, a, nil, a)
	check("its own total", 10_000, 20_000, 5, nil, 5)
	check("a line", 12_500, 30_000, a, nil, 37_500)
	check("a line of one", 12_500, a, a, nil, 12_500)
	check("a quantity alone", a, 30_000, a, nil, a)
	check("a line rounded half away from zero", 1, 5_000, a, nil, 1)
	check("a return rounded half away from zero", -1, 5_000, a, nil, -1)
	check("the sum of its items", 99, 99, a, [][3]int64{{10_000, 20_000, a}, {10_000, a, a}, {a, a, 7}}, 30_007, 20_000, 10_000, 7)
	check("its own total before that of the items", a, a, 1, [][3]int64{{10_000, 20_000, a}}, 1, 20_000)
	check("items without amounts", 10_000, 10_000, a, [][3]int64{{a, 20_000, a}}, a, a)
	check("an amount too large", 1<<62, 1<<62, a, nil, a)
}

func TestIdentifiers(t *testing.T) {
	b := rowsOf(2)
	set := func(row int, c Column, v string) { b.Str[c][row] = b.Put([]byte(v)) }
	set(0, Email, "  Jos\u00c9@Example.COM\t")
	set(1, Email, "jos\u00e9@example.com")
	set(0, Phone, "+48 600-123 456")
	set(1, Phone, "0048600123456")
	set(0, PaymentToken, "card")
	set(0, UserID, "U 1")
	set(1, UserID, "null")
	set(1, DeviceID, "00000000-0000-0000-0000-000000000000")
	set(1, LoyaltyID, "0")
	f := &Finisher{Hasher: testHasher()}
	f.Finish(chunk(2), b)
	for _, k := range []Ident{IdentEmail, IdentPhone} {
		if b.Ident[k][0].IsZero() || b.Ident[k][0] != b.Ident[k][1] {
			t.Errorf("%s: two forms of one value differ: %v", k, b.Ident[k][:2])
		}
	}
	for _, c := range []Column{Email, Phone, PaymentToken} {
		for r := range 2 {
			if text := b.Text(c, r); len(text) > 0 {
				t.Errorf("%s is still there: %s", c, text)
			}
		}
	}
	if string(b.Text(UserID, 0)) != "U 1" || b.Ident[IdentUser][0].IsZero() || !b.Ident[IdentUser][1].IsZero() || !b.Ident[IdentDevice][1].IsZero() {
		t.Errorf("users %v, devices %v", b.Ident[IdentUser][:2], b.Ident[IdentDevice][:2])
	}
	if b.Head[0].DeviceKind != IdentUser || b.Head[1].DeviceKind != IdentLoyalty || b.Head[1].Device != b.Ident[IdentLoyalty][1] {
		t.Errorf("session keys %+v", b.Head[:2])
	}
}

func TestSessionKeyIsTheStrongestThatKeysASession(t *testing.T) {
	b := rowsOf(3)
	for r, columns := range [][]Column{{UserID, DeviceID, AnonymousID}, {UserID, DeviceID}, {Email, Phone}} {
		for _, c := range columns {
			b.Str[c][r] = b.Put([]byte("value"))
		}
	}
	f := &Finisher{Hasher: testHasher()}
	f.Finish(chunk(3), b)
	if b.Head[0].DeviceKind != IdentAnonymous || b.Head[1].DeviceKind != IdentDevice || !b.Head[2].Device.IsZero() {
		t.Errorf("session keys %+v", b.Head[:3])
	}
}

// TestPartsAreFinishedAsTheWhole: a chunk in parts leaves the rows that it leaves
// as a whole.
func TestPartsAreFinishedAsTheWhole(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 9))
		whole, parts, c := rowsOf(0), rowsOf(0), chunk(50)
		missing := r.Uint64()
		f := &Finisher{Hasher: testHasher(), Bots: NewBotTest(KnownBots), Defaults: []Default{{Column: Channel, Text: "web"}}}
		for from := 0; from < len(c.Recs); {
			var part Chunk
			first, next := parts.N, c.Part(&part, from, 7)
			for ; from < next; from++ {
				for _, b := range [...]*Batch{whole, parts} {
					addRandom(rand.New(rand.NewPCG(seed, uint64(from))), b, missing)
					row := b.N - 1
					b.Record[row], b.Name[row], b.Head[row] = uint32(from), 0, Head{ItemFirst: b.Head[row].ItemFirst, ItemCount: b.Head[row].ItemCount}
					for k := range b.Ident {
						b.Ident[k][row] = Hash{}
					}
				}
			}
			f.FinishFrom(&part, parts, first)
		}
		f.Finish(c, whole)
		if parts.NoIdent != whole.NoIdent {
			t.Errorf("identifiers: %v, want %v", parts.NoIdent, whole.NoIdent)
		}
		for row := range whole.N {
			if got, want := showAll(parts, row), showAll(whole, row); got != want {
				t.Fatalf("row %d is\n%s\nnot\n%s", row, got, want)
			}
			got, want := parts.Head[row], whole.Head[row]
			if got.Page, want.Page = (Str{}), (Str{}); got != want || !bytes.Equal(parts.Bytes(parts.Head[row].Page), whole.Bytes(whole.Head[row].Page)) {
				t.Fatalf("the head of row %d is %+v, want %+v", row, parts.Head[row], whole.Head[row])
			}
		}
	}
}

// TestFinishDoesNotAllocate in steady state.
func TestFinishDoesNotAllocate(t *testing.T) {
	b, c := rowsOf(100), chunk(100)
	f := &Finisher{Hasher: testHasher(), Bots: NewBotTest(KnownBots)}
	if n := testing.AllocsPerRun(10, func() {
		b.Arena = b.Arena[:0]
		for r := range 100 {
			b.Str[Email][r], b.Str[UserAgent][r] = b.Put([]byte("A@b.c")), b.Put([]byte("Mozilla"))
			b.Str[MessageID][r], b.Str[Event][r] = b.Put([]byte("id")), b.Put([]byte("page"))
		}
		f.Finish(c, b)
	}); n != 0 {
		t.Errorf("%g allocations for 100 rows", n)
	}
}
