package schema

import (
	"encoding/json"
	"strings"
)

var typeNames = [...]string{
	Text: "text", LowText: "low_text", UUID: "uuid", Time: "time", Money: "money", Int: "int",
	Duration: "duration", Float: "float", Flag: "flag", Texts: "texts", Moneys: "moneys", Map: "map",
}

// String is the type's name in descriptions.
func (t Type) String() string { return typeNames[t] }

type tableJSON struct {
	Name      string       `json:"name"`
	Doc       string       `json:"doc,omitempty"`
	ID        []string     `json:"id"`
	Revisable bool         `json:"revisable"`
	Deletable bool         `json:"deletable"`
	Partition string       `json:"partition,omitempty"`
	Profiles  []string     `json:"profiles,omitempty"`
	Columns   []columnJSON `json:"columns"`
}

type columnJSON struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Nullable bool   `json:"nullable"`
	Path     bool   `json:"path,omitempty"`
	Doc      string `json:"doc,omitempty"`
}

// JSON describes tables as indented JSON.
func JSON(tables []*Table) ([]byte, error) {
	out := []tableJSON{}
	for _, t := range tables {
		j := tableJSON{t.Name, t.Doc, t.ID, t.Revisable, t.Deletable, t.Partition, t.Profiles, nil}
		for _, c := range t.Columns {
			j.Columns = append(j.Columns, columnJSON{c.Name, c.Type.String(), c.Nullable, c.Path, c.Doc})
		}
		out = append(out, j)
	}
	b, err := json.MarshalIndent(out, "", "  ")
	return append(b, '\n'), err
}

// Markdown describes tables for readers.
func Markdown(tables []*Table) string {
	var b strings.Builder
	for i, t := range tables {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString("## " + t.Name + "\n\n" + t.Doc + "\n\n")
		b.WriteString(nature(t) + "\n\n| column | type | absent | |\n|---|---|---|---|\n")
		for _, c := range t.Columns {
			absent, name := "", "`"+c.Name+"`"
			if c.Nullable {
				absent = "NULL"
			}
			if c.Path {
				name += " †"
			}
			b.WriteString("| " + name + " | " + c.Type.String() + " | " + absent + " | " + cell(c.Doc) + " |\n")
		}
	}
	return b.String()
}

// nature says in a sentence or two how rows of the table are to be read.
func nature(t *Table) string {
	s := "Rows are only added."
	if t.Revisable {
		s = "Revised: of each id the row with the highest `revision` counts"
		if t.Deletable {
			s += ", unless `is_deleted`"
		}
		s += "."
	}
	if len(t.ID) > 0 {
		s = "Id: `" + strings.Join(t.ID, "`, `") + "`. " + s
	}
	return s
}

func cell(s string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ").Replace(s)
}
