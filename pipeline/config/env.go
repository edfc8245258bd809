package config

import (
	"strings"
	"unicode/utf8"
)

// References to the environment are masked before the text is parsed as YAML,
// because {, } and : inside them would be read as YAML. A mask has as many
// characters as what it hides, so that columns stay right, and carries the
// reference's number: start, two digits in base 4096, fill. The characters are
// from the private use area.
const (
	maskStart = '\ue000'
	maskFill  = '\ue001'
	maskZero  = '\ue100'
	maskBase  = 4096
)

// reference is one ${…} of the file.
type reference struct {
	text       string // as written
	name       string
	fallback   string
	hasDefault bool
	literal    bool // $${…}: stands for the text behind the first $
	isBad      bool
}

// maskReferences replaces the references of a text.
func maskReferences(text string) (masked string, refs []reference) {
	if !strings.Contains(text, "${") {
		return text, nil
	}
	var b strings.Builder
	for {
		at := strings.Index(text, "${")
		if at < 0 || len(refs) == maskBase*maskBase {
			b.WriteString(text)
			return b.String(), refs
		}
		end := referenceEnd(text[at:])
		if end < 0 {
			b.WriteString(text[:at+2])
			text = text[at+2:]
			continue
		}
		literal := at > 0 && text[at-1] == '$'
		if literal {
			at, end = at-1, end+1
		}
		b.WriteString(text[:at])
		whole := text[at : at+end+1]
		writeMask(&b, len(refs), utf8.RuneCountInString(whole))
		refs = append(refs, parseReference(whole, literal))
		text = text[at+end+1:]
	}
}

// referenceEnd is the place of the } that ends the reference at the start of
// the text, or -1 if it is none: a name has no quotes or brackets.
func referenceEnd(text string) int {
	end := strings.IndexAny(text, "}\n")
	if end < 0 || text[end] == '\n' {
		return -1
	}
	name, _, _ := strings.Cut(text[2:end], ":-")
	if strings.ContainsAny(name, "\"'[]{") {
		return -1
	}
	return end
}

func writeMask(b *strings.Builder, number, width int) {
	b.WriteRune(maskStart)
	b.WriteRune(maskZero + rune(number/maskBase))
	b.WriteRune(maskZero + rune(number%maskBase))
	for i := 3; i < width; i++ {
		b.WriteRune(maskFill)
	}
}

func parseReference(whole string, literal bool) reference {
	if literal {
		return reference{text: whole, literal: true}
	}
	r := reference{text: whole}
	r.name, r.fallback, r.hasDefault = strings.Cut(whole[2:len(whole)-1], ":-")
	r.isBad = !isEnvName(r.name)
	return r
}

func isEnvName(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// fill puts values in the place of the masks in s. With lookup nil it restores
// what was written. It reports what is wrong with each reference.
func fill(s string, refs []reference, lookup func(string) (string, bool)) (filled string, found bool, wrong []string) {
	if len(refs) == 0 || !strings.ContainsRune(s, maskStart) {
		return s, false, nil
	}
	var b strings.Builder
	runes := []rune(s)
	for i := 0; i < len(runes); i++ {
		if runes[i] != maskStart || i+2 >= len(runes) {
			b.WriteRune(runes[i])
			continue
		}
		number := int(runes[i+1]-maskZero)*maskBase + int(runes[i+2]-maskZero)
		for i += 2; i+1 < len(runes) && runes[i+1] == maskFill; i++ {
		}
		if number < 0 || number >= len(refs) {
			continue
		}
		value, problem := refs[number].resolve(lookup)
		b.WriteString(value)
		if problem != "" {
			wrong = append(wrong, problem)
		}
		found = found || !refs[number].literal
	}
	return b.String(), found, wrong
}

func (r *reference) resolve(lookup func(string) (string, bool)) (value, problem string) {
	switch {
	case lookup == nil:
		return r.text, ""
	case r.literal:
		return r.text[1:], ""
	case r.isBad:
		return "", r.text + " is not of the form ${NAME} or ${NAME:-default}; a literal ${ is written $${"
	}
	value, ok := lookup(r.name)
	if r.hasDefault && (!ok || value == "") {
		return r.fallback, ""
	}
	if !ok {
		return "", "the environment variable " + r.name + " is not set and " + r.text + " has no default"
	}
	return value, ""
}
