package pipeline

import (
	"hash/fnv"
	"math/rand/v2"
)

// Setting is one resolved setting on which the state depends.
type Setting struct{ Key, Value string }

// lineage says which state this is and which process goes on with it.
type lineage struct {
	generation, run uint32
	started         int64
	version         string
	plan            uint64
}

// newLineage begins a state, under the second of its start as generation and at
// least the given one.
func newLineage(cfg *Config, least uint32) *lineage {
	l := &lineage{generation: max(uint32(cfg.Started/1000), least), run: rand.Uint32()}
	l.join(cfg)
	return l
}

// join puts this process into the lineage.
func (l *lineage) join(cfg *Config) {
	l.started, l.version, l.plan = cfg.Started, cfg.Version, planDigest(cfg.Plan)
}

// stamp writes the lineage into an entry.
func (l *lineage) stamp(e *entry) {
	e.generation, e.run, e.started, e.version, e.plan = l.generation, l.run, l.started, l.version, l.plan
}

func planDigest(plan []Setting) uint64 {
	h := fnv.New64a()
	for _, s := range plan {
		h.Write([]byte(s.Key + "\x00" + s.Value + "\x00"))
	}
	return h.Sum64()
}

// renumber tells what sinks number from now on from all that they did before,
// also behind a loss that is lost again.
func (l *lineage) renumber() { l.run = rand.Uint32() }
