package schema

import (
	"encoding/json"
	"testing"
)

func TestDescribe(t *testing.T) {
	tables := []*Table{{
		Name: "visits", Doc: "One row per visit.", ID: []string{"id"}, Revisable: true, Deletable: true, Partition: "at",
		Columns: []Column{
			{Name: "id", Type: UUID, Doc: "a|b"},
			{Name: "at", Type: Time, Nullable: true, Path: true},
		},
	}, {Name: "log", Columns: []Column{{Name: "raw", Type: Text}}}}
	want := "## visits\n\nOne row per visit.\n\n" +
		"Id: `id`. Revised: of each id the row with the highest `revision` counts, unless `is_deleted`.\n\n" +
		"| column | type | absent | |\n|---|---|---|---|\n" +
		"| `id` | uuid |  | a\\|b |\n| `at` † | time | NULL |  |\n" +
		"\n## log\n\n\n\nRows are only added.\n\n| column | type | absent | |\n|---|---|---|---|\n| `raw` | text |  |  |\n"
	if got := Markdown(tables); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	b, err := JSON(tables)
	if err != nil {
		t.Fatal(err)
	}
	var back []map[string]any
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if len(back) != 2 || back[0]["name"] != "visits" || back[0]["columns"].([]any)[1].(map[string]any)["type"] != "time" {
		t.Errorf("got %s", b)
	}
}
