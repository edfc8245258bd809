package config

import (
	"fmt"
	"strconv"
	"strings"
)

type kind uint8

const (
	nullKind kind = iota
	scalarKind
	listKind
	mappingKind
)

// node is one value of the file after substitution.
type node struct {
	kind   kind
	line   int
	column int

	text    string // scalar
	quoted  bool   // scalar in quotes or a block scalar: a string
	fromEnv bool   // scalar with an environment variable: typed by its target
	// isFaulty: what stands here is a fault that is reported already.
	isFaulty bool

	items  []*node // list
	fields []field // mapping, in the file's order
}

type field struct {
	key          string
	line, column int
	value        *node
}

// number reports whether a plain scalar reads as a number.
func (n *node) number() bool {
	if n.quoted {
		return false
	}
	_, err := strconv.ParseFloat(n.text, 64)
	return err == nil
}

// truth reads a plain true or false.
func (n *node) truth() (value, ok bool) {
	if n.kind != scalarKind || n.quoted && !n.fromEnv {
		return false, false
	}
	switch n.text {
	case "true", "True", "TRUE":
		return true, true
	case "false", "False", "FALSE":
		return false, true
	}
	return false, false
}

// describe names what was found, in the words of a fault.
func (n *node) describe() string {
	switch n.kind {
	case nullKind:
		return "nothing"
	case listKind:
		return "a list"
	case mappingKind:
		return "a mapping"
	}
	if _, ok := n.truth(); ok {
		return "the flag " + n.text
	}
	if n.number() {
		return "the number " + n.text
	}
	return fmt.Sprintf("the text %q", clip(n.text))
}

// clip shortens what a fault quotes.
func clip(s string) string {
	const longest = 80
	runes := []rune(s)
	if len(runes) <= longest {
		return s
	}
	return string(runes[:longest]) + "…"
}

// flow writes the value in YAML's flow form.
func (n *node) flow() string {
	switch n.kind {
	case nullKind:
		return "null"
	case listKind:
		parts := make([]string, len(n.items))
		for i, item := range n.items {
			parts[i] = item.flow()
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case mappingKind:
		parts := make([]string, len(n.fields))
		for i := range n.fields {
			parts[i] = flowText(n.fields[i].key) + ": " + n.fields[i].value.flow()
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	if n.quoted {
		return flowText(n.text)
	}
	return flowPlain(n.text)
}

// flowText writes a string so that it reads as a string again.
func flowText(s string) string {
	switch strings.ToLower(s) {
	case "null", "~", "true", "false":
		return strconv.Quote(s)
	}
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		return strconv.Quote(s)
	}
	return flowPlain(s)
}

func flowPlain(s string) string {
	if s == "" || strings.TrimSpace(s) != s || strings.ContainsAny(s, "#,[]{}&*!|>'\"%@`\\\n\t") ||
		strings.Contains(s, ": ") || strings.HasSuffix(s, ":") || strings.HasPrefix(s, "- ") || strings.HasPrefix(s, "? ") {
		return strconv.Quote(s)
	}
	return s
}
