package pipeline_test

import (
	"testing"

	"touchstream/pipeline"
	"touchstream/pipeline/disk"
	"touchstream/pipeline/journal"
)

// TestCrashesOnFiles kills processes whose journal is in files, and cuts the
// power: what was not synced is lost.
func TestCrashesOnFiles(t *testing.T) {
	pipeline.CrashesOnFiles(t, func(fs disk.FS, dir string) (pipeline.Journal, error) {
		return journal.OpenOn(fs, dir)
	})
}
