package pipetest

import (
	"reflect"
	"testing"

	"touchstream/pipeline/flat"
)

// Whole fails the test when a field of a shard or a resolver, or of a struct of
// its package in it, is neither a part of its State nor named among the others,
// which say why it need not be. The fields of a list's elements are named behind
// the list's: "grids.size".
func Whole(tb testing.TB, state interface{ State(p *flat.Parts) }, others map[string]string) {
	tb.Helper()
	v := reflect.ValueOf(state).Elem()
	g := &guard{tb: tb, home: v.Type().PkgPath(), held: map[uintptr]bool{}, others: others, used: map[string]bool{}}
	g.hold(reflect.ValueOf(partsOf(state)).Elem().FieldByName("list"))
	g.walk(v, "")
	for name, why := range others {
		if !g.used[name] || why == "" {
			tb.Errorf("%s is no field that is missing from State, or has no reason", name)
		}
	}
}

type guard struct {
	tb     testing.TB
	home   string // package of the state
	held   map[uintptr]bool
	others map[string]string
	used   map[string]bool
}

// hold notes where the parts lie: structures by pointers, variables as slices
// of their bytes.
func (g *guard) hold(parts reflect.Value) {
	for i := range parts.Len() {
		part := parts.Index(i).Elem()
		switch part.Kind() {
		case reflect.Pointer:
			g.held[part.Pointer()] = true
		case reflect.Struct:
			for f := range part.NumField() {
				if x := part.Field(f); x.Kind() == reflect.Slice {
					g.held[x.Pointer()] = true
				}
			}
		}
	}
}

// walk looks at the fields of a struct.
func (g *guard) walk(v reflect.Value, path string) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous && f.Type.Kind() == reflect.Struct {
			g.walk(v.Field(i), path)
			continue
		}
		g.field(v.Field(i), path+f.Name)
	}
}

func (g *guard) field(x reflect.Value, name string) {
	_, other := g.others[name]
	switch {
	case other:
		g.used[name] = true
	case x.Kind() == reflect.Pointer && g.held[x.Pointer()], g.held[x.UnsafeAddr()]:
	case x.Kind() == reflect.Pointer && g.isHome(x.Type().Elem()):
		g.walk(x.Elem(), name+".")
	case g.isHome(x.Type()):
		g.walk(x, name+".")
	case x.Kind() == reflect.Slice && x.Len() > 0 && g.isHome(x.Type().Elem()):
		for i := range x.Len() {
			g.walk(x.Index(i), name+".")
		}
	default:
		g.tb.Errorf("%s is no part of State", name)
	}
}

func (g *guard) isHome(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t.PkgPath() == g.home
}
