package file

import "touchstream/pipeline/config"

// Formats that this sink writes.
const (
	JSONL = "jsonl"
	CSV   = "csv"
)

// Config is the section file of a sink. Formats other than jsonl and csv are
// written by another package; the section is the same for all.
type Config struct {
	Dir    string
	Format string
}

// Declare declares the keys.
func (c *Config) Declare(s *config.Section) {
	s.Path("dir", &c.Dir, "", "Folder of the files, one per table; it is made if missing.").Required().NonEmpty()
	s.Enum("format", &c.Format, JSONL, "Format of the files.", JSONL, CSV, "parquet", "arrow")
}
