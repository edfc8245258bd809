package config

import (
	"fmt"
	"strings"
)

// A Doc describes one key.
type Doc struct {
	Path    string // names that the user gives are <name>, list elements []
	Type    string
	Default string // in YAML's flow form, if HasDefault
	Rules   []string
	Text    string

	HasDefault bool
}

// A Setting is a value as it stands after reading, a default included.
type Setting struct {
	Path      string
	Value     string // in YAML's flow form, secrets masked
	IsDefault bool
}

// Settings are the values as they stand, in the order of declaration. They
// are known after Read.
func (f *File) Settings() []Setting { return f.settings }

// Describe runs declarations without a file and returns the keys, in the order
// of declaration.
func Describe(d Declarer) []Doc {
	r := &run{file: &File{dir: "."}, describing: true, documented: make(map[string]bool)}
	s := &Section{run: r}
	s.declare(d)
	return r.docs
}

// Markdown writes keys as a table.
func Markdown(docs []Doc) string {
	var b strings.Builder
	b.WriteString("| key | type | default | meaning |\n|---|---|---|---|\n")
	for i := range docs {
		d := &docs[i]
		def, text := "", d.Text
		if d.HasDefault {
			def = "`" + cell(d.Default) + "`"
		}
		if len(d.Rules) > 0 {
			text += " (" + strings.Join(d.Rules, "; ") + ")"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", cell(d.Path), cell(d.Type), def, cell(text))
	}
	return b.String()
}

func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ").Replace(s)
}

// document records a key once.
func (r *run) document(d Doc) {
	if !r.describing || r.documented[d.Path] {
		return
	}
	r.documented[d.Path] = true
	r.docs = append(r.docs, d)
}

// defaultOf sets the default of the key documented last and returns its place,
// or -1 if it was documented before.
func (r *run) defaultOf(path, def string, has bool) int {
	last := len(r.docs) - 1
	if last < 0 || r.docs[last].Path != path {
		return -1
	}
	r.docs[last].Default, r.docs[last].HasDefault = def, has
	return last
}

func (s *Section) setting(k *Key, value string) {
	s.settingAt(join(s.path, k.name), value, !k.present)
}

// settingAt records a value as it stands; a key that is declared twice shows
// its last reading.
func (s *Section) settingAt(path, value string, isDefault bool) {
	r := s.run
	if r.describing || s.sparse && isDefault {
		return
	}
	if at, ok := r.settingOf[path]; ok {
		r.settings[at] = Setting{path, value, isDefault}
		return
	}
	r.settingOf[path] = len(r.settings)
	r.settings = append(r.settings, Setting{path, value, isDefault})
}

// unlist takes back a setting that its parts replace.
func (r *run) unlist(path string) {
	if at, ok := r.settingOf[path]; ok {
		r.settings[at] = Setting{}
		delete(r.settingOf, path)
	}
}

func (r *run) listed() []Setting {
	listed := make([]Setting, 0, len(r.settings))
	for _, s := range r.settings {
		if s.Path != "" {
			listed = append(listed, s)
		}
	}
	return listed
}
