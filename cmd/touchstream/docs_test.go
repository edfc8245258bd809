package main

import (
	"flag"
	"os"
	"testing"

	"touchstream/pipeline/config"
	"touchstream/pipeline/schema"
	"touchstream/pipeline/venue"
)

var rewrite = flag.Bool("rewrite", false, "rewrite generated files instead of comparing them")

// TestDocsAreCurrent compares the generated pages with the declarations;
// go test ./cmd/touchstream -run TestDocs -rewrite writes them anew.
func TestDocsAreCurrent(t *testing.T) {
	check := func(path, want string) {
		t.Helper()
		if *rewrite {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
			return
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s is not what the declarations say; run: go test ./cmd/touchstream -run TestDocs -rewrite", path)
		}
	}
	check("../../docs/configuration.md", "# Configuration\n\nEvery key, made from the declarations that read them. `touchstream validate -c FILE` prints them as they stand.\n\n"+
		config.Markdown(config.Describe(&settings{}))+
		"\n## The venue file\n\n"+config.Markdown(venue.Docs()))
	check("../../docs/tables.md", "# Tables\n\nEvery table whose columns do not depend on the configuration, made from the declarations; windows come on top, one table `window_<name>` for each.\n\n"+
		schema.Markdown(fixedTables()))
}
