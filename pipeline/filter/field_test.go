package filter

import (
	"slices"
	"strings"
	"testing"
)

type value struct {
	text string
	kind FieldKind
}

func TestFields(t *testing.T) {
	record := map[string]value{
		"qty": {"0", Text}, "price": {"12.50", Text}, "blank": {"", Text}, "name": {"O'Neil", Text},
		"n": {"5", Number}, "f": {"2.5e1", Number}, "big": {"1234567890123456789", Number}, "yes": {"true", Bool}, "no": {"false", Bool},
		"a.b.c": {"deep", Text}, "^session": {"s1", Text}, "Invoice No": {"C536", Text}, "hex": {"0x10", Text},
	}
	f := func(text string, want bool) {
		t.Helper()
		flt, err := CompileFields(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			return
		}
		e := flt.NewEval()
		got := e.Keep(func(i int) ([]byte, FieldKind) {
			v := record[flt.Fields()[i]]
			return []byte(v.text), v.kind
		})
		if got != want || e.Errors() != 0 {
			t.Errorf("%s: %v with %d errors, want %v", text, got, e.Errors(), want)
		}
	}
	f(`qty != "0"`, false)
	f(`qty == "0"`, true)
	f(`gone != "0"`, true)
	f(`gone == nil`, true)
	f(`gone != nil`, false)
	f(`blank == nil`, false)
	f(`blank == ""`, true)
	f(`gone == ""`, false)
	f(`qty > 0`, false)
	f(`qty == 0`, true)
	f(`qty != 0`, false)
	f(`name != 0`, true)
	f(`name < 0 or name >= 0`, false)
	f(`gone > 0 or gone <= 0`, false)
	f(`price > 12.4 and price < 12.6`, true)
	f(`0 < price`, true)
	f(`n == 5 and n == "5" and n in [4, 5]`, true)
	f(`f == 25`, true)
	f(`f == 25.0`, true)
	f(`hex == 16`, false)
	f(`yes`, true)
	f(`no`, false)
	f(`not no and yes == true and no == false`, true)
	f(`gone`, false)
	f(`n in ["x", "5"]`, true)
	f(`n not in ["x", "5"]`, false)
	f(`gone in ["x", nil]`, true)
	f(`gone not in ["x"]`, true)
	f(`a.b.c == "deep"`, true)
	f(`a.b.x == nil`, true)
	f(`fields["Invoice No"] startsWith "C"`, true)
	f(`not (fields["Invoice No"] startsWith "C")`, false)
	f(`name contains "'" and name endsWith "eil"`, true)
	f(`^session == "s1"`, true)
	f(`n == 5 and ^session != "s2"`, true)
	f(`(^session) in ["s1"]`, true)
	f(`name >= "O" && name < "P"`, true)
	f(`true and not false`, true)
	// The rest of the library.
	f(`upper(name) == "O'NEIL"`, true)
	f(`float(price) * 2 == 25`, true)
	f(`n + 1 == 6`, true)
	f(`n ^ 2 == 25`, true)
	f(`gone + 1 == 2`, false)
	f(`upper(a.b.c) == "DEEP" and upper(fields["Invoice No"]) == "C536" and upper(^session) == "S1"`, true)
	f(`(gone ?? "x") == "x"`, true)
	f(`name matches "^O.N"`, true)
	f(`any(["deep", "x"], # == a.b.c)`, true)
}

func TestFieldNames(t *testing.T) {
	flt, err := CompileFields(`a.b == "1" and ^x != nil and fields["Q t"] > 5 and upper(a.b) == c and upper(d.e) == "F"`)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"a.b", "^x", "Q t", "c", "d.e"}; !slices.Equal(flt.Fields(), want) {
		t.Errorf("fields %q, want %q", flt.Fields(), want)
	}
}

func TestFieldFaults(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		if _, err := CompileFields(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	f(`qty !=`, "column 6: unexpected token EOF")
	f(`qty > nil`, "column 5: nil is neither")
	f(`not qty == "0"`, "parentheses")
	f(`shout(qty) == "1"`, "column 1: there is no function shout")
	f(`upper(a) == upper(a.b)`, "a and a.b cannot stand")
	f(`"a" + 1 == 2`, "mismatched types")
}

func TestFieldErrors(t *testing.T) {
	flt, err := CompileFields(`int(x) > 1`)
	if err != nil {
		t.Fatal(err)
	}
	e := flt.NewEval()
	if e.Keep(func(int) ([]byte, FieldKind) { return []byte("abc"), Text }) || e.Errors() != 1 {
		t.Errorf("%d errors, want 1 and false", e.Errors())
	}
	if e.Keep(func(int) ([]byte, FieldKind) { return nil, Missing }) || e.Errors() != 1 {
		t.Errorf("%d errors, want 1: an absent value is no error", e.Errors())
	}
}

func TestFieldAllocations(t *testing.T) {
	flt, err := CompileFields(`qty != "0" and price > 1.5 and kind in ["a", "b"]`)
	if err != nil {
		t.Fatal(err)
	}
	e, v := flt.NewEval(), [][]byte{[]byte("1"), []byte("2.25"), []byte("b")}
	get := func(i int) ([]byte, FieldKind) { return v[i], Text }
	if n := testing.AllocsPerRun(100, func() { e.Keep(get) }); n != 0 {
		t.Errorf("%v allocations per record, want none", n)
	}
}
