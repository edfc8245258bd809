package main

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

// TestImportsPointOneWay checks cmd → {sources, operators, sinks} → pipeline,
// and that siblings do not import one another.
func TestImportsPointOneWay(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "touchstream/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	packages := 0
	for dec.More() {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		packages++
		for _, imported := range p.Imports {
			if strings.HasPrefix(imported, "touchstream/") && !allowed(p.ImportPath, imported) {
				t.Errorf("%s must not import %s", p.ImportPath, imported)
			}
		}
	}
	if packages < 20 {
		t.Errorf("only %d packages seen", packages)
	}
}

func allowed(from, to string) bool {
	from, to = strings.TrimPrefix(from, "touchstream/"), strings.TrimPrefix(to, "touchstream/")
	part := func(s string) (top, rest string) {
		top, rest, _ = strings.Cut(s, "/")
		return top, rest
	}
	fromTop, fromRest := part(from)
	toTop, toRest := part(to)
	switch fromTop {
	case "cmd", "bench":
		return toTop != "cmd" || fromTop == toTop
	case "deploy":
		// Fault tests look into the files of a state, and know the kill points.
		return toTop == "deploy" || fromRest == "dev/faulttest" && toTop == "pipeline" && toRest != ""
	case "pipeline":
		// What stands above the engine: its test bench, and its journal in files.
		above := fromRest == "pipetest" || fromRest == "journal"
		return toTop == "pipeline" && (toRest != "" || above)
	}
	if toTop == "pipeline" {
		return true
	}
	// A sub-package of one component, or a decoder's shared parts.
	component := func(rest string) string { c, _, _ := strings.Cut(rest, "/"); return c }
	return fromTop == toTop && (component(fromRest) == component(toRest) || fromTop == "sources" && component(toRest) == "decode")
}
