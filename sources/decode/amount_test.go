package decode

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"touchstream/pipeline/event"
	"touchstream/pipeline/money"
)

func TestAmountsAreThoseOfMoney(t *testing.T) {
	check := func(s string) {
		t.Helper()
		for _, before := range []string{"", "1", `{"price":9`} {
			got, ok := Amount([]byte(before+s+"77"), event.Str{Off: uint32(len(before)), Len: uint32(len(s))})
			want, wantOK := money.Parse([]byte(s), '.')
			if got != want || ok != wantOK {
				t.Errorf("%s: %d %v, want %d %v", s, got, ok, want, wantOK)
			}
		}
	}
	for _, s := range []string{"0", "1", "12345678", "99999999", "0.1", "0.1234", "0.12345", "12.3", "123456.7", "1.234567", "269.99", "-1", "-1.5", "1e3", "1E3", "1e-3", "1e+3", "1.5e2", "123456789", "0.00005", "99.999"} {
		check(s)
	}
	rng := rand.New(rand.NewPCG(5, 6))
	for range 20_000 {
		check(fmt.Sprintf("%.*f", rng.IntN(6), rng.Float64()*float64([...]int{1, 10, 1000, 100_000}[rng.IntN(4)])))
	}
}

func TestDaysAreThoseOfISO8601(t *testing.T) {
	var d Day
	check := func(s []byte) {
		t.Helper()
		got, ok := d.ISO8601(s)
		want, wantOK := ISO8601(TrimBlanks(s))
		if ok != wantOK || ok && got != want {
			t.Errorf("%q: %d %v, want %d %v", s, got, ok, want, wantOK)
		}
	}
	texts := []string{
		"2026-03-02T10:00:00.123Z", "2026-03-02T23:59:59.999Z", "2026-03-02T24:00:00.000Z", "2026-03-02T29:00:00.000Z", "2026-03-02T10:60:00.000Z", "2026-03-02T10:00:60.000Z",
		"2026-03-02t10:00:00.123z", "2026-03-02 10:00:00.123Z", "2026-03-02T10:00:00+01:00", "2026-03-02T10:00:00 +0100", " 2026-03-02T10:00:00.12Z", "2026-02-30T10:00:00.000Z",
		"1969-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z", "2024-02-29T00:00:00.000Z", "2026-03-02T10:00:00,123Z", "2026-03-02T10:00:00.1234", "", "2026-03-02T10:00:00.123X",
	}
	rng := rand.New(rand.NewPCG(7, 8))
	for range 3 {
		for _, s := range texts {
			check([]byte(s))
			check([]byte(texts[0]))
		}
	}
	for i := range 24 {
		for c := range 256 {
			s := []byte(texts[0])
			s[i] = byte(c)
			check(s)
			check([]byte(texts[0]))
		}
	}
	for range 20_000 {
		s := fmt.Appendf(nil, "2026-03-%02dT%02d:%02d:%02d.%03dZ", rng.IntN(33), rng.IntN(25), rng.IntN(61), rng.IntN(61), rng.IntN(1000))
		check(s)
	}
}
