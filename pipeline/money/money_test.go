package money

import (
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	f := func(in string, want int64, ok bool) {
		t.Helper()
		got, gotOK := Parse([]byte(in), '.')
		if got != want || gotOK != ok {
			t.Errorf("Parse(%q) = %d, %v; want %d, %v", in, got, gotOK, want, ok)
		}
	}
	f("12.5", 125000, true)
	f("-0.00005", -1, true)
	f("0.00004999", 0, true)
	f("1e3", 10_000_000, true)
	f("1.2E-2", 120, true)
	f("+7", 70000, true)
	f(".5", 5000, true)
	f("5.", 50000, true)
	f("", 0, false)
	f("-", 0, false)
	f("1.2.3", 0, false)
	f("1e", 0, false)
	f("12a", 0, false)
	f("922337203685477.5807", math.MaxInt64, true)
	f("922337203685478", 0, false)
	f("1e999999999", 0, false)
	f("1e-999999999", 0, true)
	f("0.100000000000000000000000005", 1000, true)
	f("0e99", 0, true)
}

func TestParseAgainstBig(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		var sb strings.Builder
		if r.IntN(3) == 0 {
			sb.WriteByte('-')
		}
		for range 1 + r.IntN(14) {
			sb.WriteByte(byte('0' + r.IntN(10)))
		}
		sb.WriteByte('.')
		for range 1 + r.IntN(12) {
			sb.WriteByte("0459"[r.IntN(4)])
		}
		x, _ := new(big.Rat).SetString(sb.String())
		x.Mul(x, big.NewRat(Scale, 1))
		want := new(big.Int)
		num, den := new(big.Int).Abs(x.Num()), x.Denom()
		want.Div(new(big.Int).Add(new(big.Int).Mul(num, big.NewInt(2)), den), new(big.Int).Mul(den, big.NewInt(2)))
		if x.Sign() < 0 {
			want.Neg(want)
		}
		got, ok := Parse([]byte(sb.String()), '.')
		if !ok || got != want.Int64() {
			t.Fatalf("Parse(%s) = %d, want %s", sb.String(), got, want)
		}
	}
}

func TestMulAndAppend(t *testing.T) {
	if v, ok := Mul(25500, 60000); v != 153000 || !ok {
		t.Errorf("2.55 × 6 = %d", v)
	}
	if v, _ := Mul(-1, 5000); v != -1 {
		t.Errorf("half away from zero: %d", v)
	}
	if _, ok := Mul(math.MaxInt64, math.MaxInt64); ok {
		t.Error("overflow not seen")
	}
	for v, want := range map[int64]string{0: "0", 125000: "12.5", -5: "-0.0005", 97477479340: "9747747.934", 30000: "3", math.MinInt64: "-922337203685477.5808"} {
		if got := string(Append(nil, v)); got != want {
			t.Errorf("Append(%d) = %s, want %s", v, got, want)
		}
	}
}
