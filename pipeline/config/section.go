package config

import (
	"sort"
	"strings"

	"touchstream/pipeline/spell"
)

// A Declarer declares the keys of a section.
type Declarer interface {
	Declare(*Section)
}

// Func is a function as a Declarer.
type Func func(*Section)

// Declare calls f.
func (f Func) Declare(s *Section) { f(s) }

// A Section is a mapping whose keys are being declared. Every declaration
// reads its key at once and sets the target, to the default where the key is
// absent or faulty. A key that nobody declares is a fault.
type Section struct {
	run   *run
	path  string
	pos   Pos
	node  *node // nil: absent
	quiet bool  // what stands in its place is no mapping; that is the fault
	// sparse: only what the file gives is listed, because there are many
	// sections of this kind.
	sparse bool

	parent    *Section
	parentKey string

	known []string
	wrong map[string]bool // keys with an unusable value
}

// run is one pass of the declarations over a file.
type run struct {
	file       *File
	faults     Faults
	checks     []check
	settings   []Setting
	settingOf  map[string]int
	docs       []Doc
	documented map[string]bool
	describing bool
}

type check struct {
	section *Section
	keys    []string
	run     func()
}

// Read runs the declarations over the file and returns all faults as Faults,
// or nil. Settings then tells the values as they stand.
func (f *File) Read(d Declarer) error {
	r := &run{file: f, faults: append(Faults(nil), f.faults...), settingOf: make(map[string]int)}
	s := &Section{run: r, node: f.root, pos: Pos{File: f.name, Line: 1, Column: 1}}
	s.declare(d)
	for _, c := range r.checks {
		if c.section.clean(c.keys) {
			c.run()
		}
	}
	f.settings = r.listed()
	return r.faults.Err()
}

// Name is the file's name as it was given.
func (f *File) Name() string { return f.name }

// Dir is the folder at which relative paths start.
func (f *File) Dir() string { return f.dir }

func (s *Section) declare(d Declarer) {
	d.Declare(s)
	if s.node == nil || s.node.kind != mappingKind {
		return
	}
	for i := range s.node.fields {
		f := &s.node.fields[i]
		if !contains(s.known, f.key) {
			s.run.faults = append(s.run.faults, s.fieldPos(f).Fault("%s", unknownKey(f.key, s.known)))
		}
	}
}

// Pos is the position of the section's key, or of the key in it if one is
// given; of the section if the key is absent.
func (s *Section) Pos(key ...string) Pos {
	if len(key) == 0 {
		return s.pos
	}
	if f := s.find(key[0]); f != nil {
		return s.fieldPos(f)
	}
	pos := s.pos
	pos.Path = join(s.path, key[0])
	return pos
}

// Dir is the folder at which relative paths start.
func (s *Section) Dir() string { return s.run.file.dir }

// Has reports whether the key stands in the file, with a value or without.
// While keys are being described it is false.
func (s *Section) Has(key string) bool { return s.find(key) != nil }

// Describing reports that there is no file: keys are only being described.
func (s *Section) Describing() bool { return s.run.describing }

// Fault reports a fault of a key, or of the section with key "".
func (s *Section) Fault(key, format string, args ...any) {
	pos := s.pos
	if key != "" {
		pos = s.Pos(key)
	}
	s.run.faults = append(s.run.faults, pos.Fault(format, args...))
}

// Check runs a function after everything is read, to compare keys with one
// another. It is left out if one of the keys has an unusable value; without
// keys, if any key of the section has.
func (s *Section) Check(f func(), keys ...string) {
	if !s.run.describing {
		s.run.checks = append(s.run.checks, check{s, keys, f})
	}
}

// Section declares a nested section. An absent or empty one takes defaults.
func (s *Section) Section(key string, d Declarer, doc string) {
	s.nested(key, doc, "section", d)
}

// Optional declares a nested section whose presence means something. Without
// it, d does not run. It returns whether the section is there.
func (s *Section) Optional(key string, d Declarer, doc string) bool {
	if s.find(key) == nil && !s.run.describing {
		s.known = append(s.known, key)
		return false
	}
	s.nested(key, doc, "section", d)
	return true
}

// ExactlyOne checks that exactly one of the keys, which are declared
// elsewhere, stands in the section and returns it, else "".
func (s *Section) ExactlyOne(what string, keys ...string) string {
	found := s.AtMostOne(what, keys...)
	if found == "" && s.lacks(keys) {
		s.Fault("", "%s is missing: give one of %s", what, strings.Join(keys, ", "))
	}
	return found
}

// AtMostOne is ExactlyOne that lets all be absent.
func (s *Section) AtMostOne(what string, keys ...string) string {
	found := ""
	for _, key := range keys {
		if !s.Has(key) {
			continue
		}
		if found != "" {
			s.Fault(key, "%s is given already by %s; only one is possible", what, found)
			return ""
		}
		found = key
	}
	return found
}

func (s *Section) lacks(keys []string) bool {
	for _, key := range keys {
		if s.Has(key) {
			return false
		}
	}
	return !s.run.describing && !s.quiet
}

// Map declares a mapping whose keys are names that the user gives. The
// function runs for each name in the file's order. While keys are being
// described it runs once, for a name such as <name>.
func (s *Section) Map(key, doc string, each func(name string, s *Section)) {
	n, pos := s.open(key, doc, "map of sections")
	if s.run.describing {
		s.child(key, nil, Pos{}, join(pos.Path, "<name>")).declare(Func(func(s *Section) { each("<name>", s) }))
		return
	}
	s.eachField(key, n, pos, func(f *field, pos Pos) {
		if f.key == "" {
			s.run.faults = append(s.run.faults, pos.Fault("a name is expected, found an empty one"))
			return
		}
		sub := s.child(key, f.value, pos, pos.Path)
		sub.declare(Func(func(s *Section) { each(f.key, s) }))
	})
}

// Sections declares a list of sections.
func (s *Section) Sections(key, doc string, each func(index int, s *Section)) {
	n, pos := s.open(key, doc, "list of sections")
	if s.run.describing {
		s.child(key, nil, Pos{}, pos.Path+"[]").declare(Func(func(s *Section) { each(0, s) }))
		return
	}
	for i, item := range s.elements(key, n, "a list of mappings") {
		at := itemPos(pos, i, item)
		sub := s.child(key, item, at, at.Path)
		sub.declare(Func(func(s *Section) { each(i, s) }))
	}
}

// nested runs d on the key's section.
func (s *Section) nested(key, doc, kind string, d Declarer) {
	n, pos := s.open(key, doc, kind)
	s.child(key, n, pos, pos.Path).declare(d)
}

// open marks a key as known and documents it.
func (s *Section) open(key, doc, kind string) (*node, Pos) {
	s.known = append(s.known, key)
	pos := s.Pos(key)
	s.run.document(Doc{Path: pos.Path, Type: kind, Text: doc})
	if f := s.find(key); f != nil {
		return f.value, pos
	}
	return nil, pos
}

// child is a section below this one; a value that is no mapping is a fault.
func (s *Section) child(key string, n *node, pos Pos, path string) *Section {
	sub := &Section{run: s.run, path: path, pos: pos, quiet: s.quiet, sparse: s.sparse, parent: s, parentKey: key}
	switch {
	case n == nil || n.kind == nullKind:
	case n.kind == mappingKind:
		sub.node = n
	default:
		sub.quiet = true
		s.misfit(key, pos, "a mapping", n)
	}
	return sub
}

func (s *Section) eachField(key string, n *node, pos Pos, do func(f *field, pos Pos)) {
	if n == nil || n.kind == nullKind {
		return
	}
	if n.kind != mappingKind {
		s.misfit(key, pos, "a mapping", n)
		return
	}
	for i := range n.fields {
		f := &n.fields[i]
		do(f, Pos{File: pos.File, Line: f.line, Column: f.column, Path: join(pos.Path, f.key)})
	}
}

func (s *Section) elements(key string, n *node, want string) []*node {
	if n == nil || n.kind == nullKind {
		return nil
	}
	if n.kind != listKind {
		s.misfit(key, s.Pos(key), want, n)
		return nil
	}
	return n.items
}

// misfit reports a value of the wrong kind. What stands there
// may have been reported already.
func (s *Section) misfit(key string, pos Pos, want string, n *node) {
	if n.isFaulty {
		s.markWrong(key)
		return
	}
	s.spoil(key, pos.Fault("%s is expected, found %s", want, n.describe()))
}

// spoil reports that a key's value is unusable.
func (s *Section) spoil(key string, f Fault) {
	s.run.faults = append(s.run.faults, f)
	s.markWrong(key)
}

func (s *Section) markWrong(key string) {
	for ; s != nil; s, key = s.parent, s.parentKey {
		if s.wrong == nil {
			s.wrong = make(map[string]bool)
		}
		s.wrong[key] = true
	}
}

func (s *Section) clean(keys []string) bool {
	if s.quiet || len(keys) == 0 && len(s.wrong) > 0 {
		return false
	}
	for _, key := range keys {
		if s.wrong[key] {
			return false
		}
	}
	return true
}

func (s *Section) find(key string) *field {
	if s.node == nil || s.node.kind != mappingKind {
		return nil
	}
	for i := range s.node.fields {
		if s.node.fields[i].key == key {
			return &s.node.fields[i]
		}
	}
	return nil
}

func (s *Section) fieldPos(f *field) Pos {
	return Pos{File: s.run.file.name, Line: f.line, Column: f.column, Path: join(s.path, f.key)}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// unknownKey says that a key is unknown and names the nearest known one.
func unknownKey(key string, known []string) string {
	if nearest := spell.Nearest(key, known); nearest != "" {
		return "unknown key; did you mean `" + nearest + "`?"
	}
	if len(known) == 0 {
		return "unknown key; no key is known here"
	}
	sorted := append([]string(nil), known...)
	sort.Strings(sorted)
	return "unknown key; known are " + strings.Join(sorted, ", ")
}
