package config

import "strings"

// Strings declares a list of texts. A single text is a list of one; one that
// comes from the environment is cut at its commas.
func (s *Section) Strings(key string, target *[]string, def []string, doc string) *Key {
	*target = def
	k, texts := s.list(key, def, doc, "list of texts", "a text")
	if k.present {
		*target = texts
	}
	s.setting(k, flowList(*target))
	return k
}

// Paths declares a list of paths or patterns; relative ones start at the
// configuration file's folder.
func (s *Section) Paths(key string, target *[]string, def []string, doc string) *Key {
	k, texts := s.list(key, def, doc, "list of paths", "a path")
	if !k.present {
		texts = append([]string(nil), def...)
	}
	for i := range texts {
		texts[i] = s.resolve(texts[i])
	}
	*target = texts
	s.setting(k, flowList(*target))
	return k
}

// Durations declares a list of durations, in milliseconds. A single one is a
// list of one.
func (s *Section) Durations(key string, target *[]int64, def []string, doc string) *Key {
	k, texts := s.list(key, def, doc, "list of durations", "a duration such as 30m, 90s or 30d")
	if !k.present {
		texts = def
	}
	*target = make([]int64, 0, len(texts))
	formatted := make([]string, 0, len(texts))
	for i, text := range texts {
		ms, err := ParseDuration(text)
		if err != nil {
			s.spoil(key, k.positions[i].Fault("a duration such as 30m, 90s or 30d is expected, found %q", clip(text)))
			continue
		}
		*target = append(*target, ms)
		formatted = append(formatted, FormatDuration(ms))
	}
	k.format = FormatDuration
	s.setting(k, flowList(formatted))
	return k
}

func (s *Section) list(key string, def []string, doc, kind, want string) (*Key, []string) {
	k := &Key{section: s, name: key, texts: def}
	n, pos := s.open(key, doc, kind)
	k.doc = s.run.defaultOf(pos.Path, flowList(def), true)
	if n == nil {
		k.positions = make([]Pos, len(def))
		return k, nil
	}
	items := []*node{n}
	switch n.kind {
	case listKind:
		items = n.items
	case scalarKind:
	default:
		k.misfit("a list", n)
		k.positions = make([]Pos, len(def))
		return k, nil
	}
	k.texts, k.present = []string{}, true
	for i, item := range items {
		at := pos
		if n.kind == listKind {
			at = itemPos(pos, i, item)
		}
		text, ok := plainText(item)
		if !ok || item.isFaulty {
			s.misfit(key, at, want, item)
			continue
		}
		parts := []string{text}
		if n.kind == scalarKind && item.fromEnv {
			parts = splitCommas(text)
		}
		for _, part := range parts {
			k.texts = append(k.texts, part)
			k.positions = append(k.positions, at)
		}
	}
	return k, append([]string(nil), k.texts...)
}

func splitCommas(s string) []string {
	var parts []string
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// itemPos is the position of a list's element.
func itemPos(list Pos, index int, item *node) Pos {
	path := list.Path + "[" + formatInt(int64(index)) + "]"
	return Pos{File: list.File, Line: item.line, Column: item.column, Path: path}
}

func flowList(texts []string) string {
	parts := make([]string, len(texts))
	for i, text := range texts {
		parts[i] = flowText(text)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}
