package decode

import (
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestInt(t *testing.T) {
	f := func(in string, want int64, ok bool) {
		t.Helper()
		if got, is := Int([]byte(in), '.'); got != want || is != ok {
			t.Errorf("%s is %d, %v; want %d, %v", in, got, is, want, ok)
		}
	}
	f("12", 12, true)
	f("-7.00", -7, true)
	f("1e3", 1000, true)
	f("1200e-2", 12, true)
	f("9223372036854775806", 9223372036854775806, true)
	f("0e999999999999", 0, true)
	g := func(in string) {
		t.Helper()
		if got, is := Int([]byte(in), '.'); is {
			t.Errorf("%s is %d, want none", in, got)
		}
	}
	for _, in := range []string{"", "-", "1.5", "1e", "x", "1x", "9223372036854775808", "1e400", "1,5", "--1", "1.2.3", "0x10"} {
		g(in)
	}
}

// TestWholeAgainstBig compares with exact fractions.
func TestWholeAgainstBig(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		var sb strings.Builder
		if r.IntN(3) == 0 {
			sb.WriteByte('-')
		}
		for range 1 + r.IntN(15) {
			sb.WriteByte(byte('0' + r.IntN(10)))
		}
		if r.IntN(2) == 0 {
			sb.WriteByte('.')
			for range 1 + r.IntN(12) {
				sb.WriteByte(byte('0' + r.IntN(10)))
			}
		}
		shift := r.IntN(7) - 3
		x, _ := new(big.Rat).SetString(sb.String())
		for range max(shift, -shift) {
			if shift > 0 {
				x.Mul(x, big.NewRat(10, 1))
			} else {
				x.Quo(x, big.NewRat(10, 1))
			}
		}
		want := new(big.Int).Div(x.Num(), x.Denom()) // floor, for a positive divisor
		d, ok := parseDecimal([]byte(sb.String()), '.')
		got, _, ok2 := d.whole(shift)
		if !ok || !ok2 || !want.IsInt64() || got != want.Int64() {
			t.Fatalf("%s × 10^%d is %d, want %s", sb.String(), shift, got, want)
		}
	}
}

func TestFloatAndFlag(t *testing.T) {
	if v, ok := Float([]byte("-71.5e0")); !ok || v != -71.5 {
		t.Errorf("got %v, %v", v, ok)
	}
	for _, in := range []string{"", "NaN", "inf", "0x1p3", "1_0", "e", "1e999"} {
		if v, ok := Float([]byte(in)); ok {
			t.Errorf("%q is %v, want none", in, v)
		}
	}
	for in, want := range map[string]int64{"true": 1, "No": 0, "1": 1, "0": 0, "F": 0, "YES": 1} {
		if v, ok := Flag([]byte(in)); !ok || v != want {
			t.Errorf("%q is %d, %v; want %d", in, v, ok, want)
		}
	}
	if _, ok := Flag([]byte("maybe")); ok {
		t.Error("maybe is a flag")
	}
}
