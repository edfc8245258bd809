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
	Roll   Roll
}

// Roll ends the files of formats that grow by whole files. Durations are
// milliseconds.
type Roll struct {
	RowsMax int
	AgeMs   int64
}

// Declare declares the keys.
func (c *Config) Declare(s *config.Section) {
	s.Path("dir", &c.Dir, "", "Folder of the files, one per table; it is made if missing.").Required().NonEmpty()
	s.Enum("format", &c.Format, JSONL, "Format of the files.", JSONL, CSV, "parquet", "arrow")
	s.Section("roll", &c.Roll, "When a run that keeps its state ends a parquet or arrow file and begins the next one; 64 MiB of rows end it in any case.")
}

// Declare declares the keys.
func (r *Roll) Declare(s *config.Section) {
	s.Int("rows_max", &r.RowsMax, 1_000_000, "Rows of a file.").Min(1).Max(10_000_000)
	s.Duration("age", &r.AgeMs, "60s", "Time since the first row.").Min(1000)
}
