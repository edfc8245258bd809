package clickhouse

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"touchstream/pipeline"
	"touchstream/pipeline/schema"
)

// bare is a sink that goes on from an opening and has no server.
func bare(t testing.TB, c Config, o *pipeline.Opening) *Sink {
	t.Helper()
	s := New(c)
	must(t, s.restore(o))
	return s
}

func bareConfig() Config {
	return Config{Database: "shop", Block: Limits{RowsMax: 500_000, BytesMax: 64 << 20, MemoryMax: 256 << 20}}
}

func opening() *pipeline.Opening {
	return &pipeline.Opening{Tables: []*schema.Table{everything, growing}, Generation: 1_790_000_000, Run: 5}
}

func commit(t testing.TB, s *Sink, c pipeline.Cut, rows ...*schema.Rows) (decision []byte) {
	t.Helper()
	must(t, s.Write(t.Context(), &pipeline.Delivery{Rows: rows}))
	decision, err := s.Cut(t.Context(), &c)
	must(t, err)
	return decision
}

// deliverAll takes the place of the server.
func deliverAll(s *Sink) (delivered []*parcel) {
	for _, p := range slices.Clone(s.queue.parcels) {
		if p.sentMs != 0 {
			p.busy = true
			s.queue.finish(p, outcome{})
			delivered = append(delivered, p)
		}
	}
	return delivered
}

func TestDecisions(t *testing.T) {
	for _, d := range []decision{{}, {mark: 7}, {closed: []int{0, 1, 5}, mark: 1 << 31, beyond: []uint32{1<<31 + 2, 1<<31 + 900}}, {closed: []int{4}}} {
		got, err := decodeDecision(d.append(nil), 6)
		must(t, err)
		if fmt.Sprint(got) != fmt.Sprint(d) {
			t.Errorf("got %v, want %v", got, d)
		}
	}
	whole := decision{closed: []int{0, 2}, mark: 300, beyond: []uint32{302}}
	b := whole.append(nil)
	for n := range b {
		if _, err := decodeDecision(b[:n], 3); !errors.Is(err, errMalformed) {
			t.Errorf("the first %d bytes: %v", n, err)
		}
	}
	if _, err := decodeDecision(b, 2); !errors.Is(err, errMalformed) {
		t.Errorf("of a block that is not there: %v", err)
	}
}

// TestFreshAtNormalRates closes every block with every commit of a second.
func TestFreshAtNormalRates(t *testing.T) {
	s := bare(t, bareConfig(), opening())
	clock := march
	for n := range int64(20) {
		clock += []int64{1000, 930, 1080}[n%3]
		commit(t, s, pipeline.Cut{Number: n + 1, Clock: clock}, batchOf(march, march+40*day))
		if len(s.blocks.open) > 0 {
			t.Fatalf("commit %d leaves %d blocks open", n+1, len(s.blocks.open))
		}
		must(t, s.Release(t.Context(), n+1))
		deliverAll(s)
	}
	clock -= hour
	commit(t, s, pipeline.Cut{Number: 21, Clock: clock}, batchOf(march))
	if len(s.blocks.open) > 0 {
		t.Error("a clock that was set back keeps a block open")
	}
}

// TestBackfillIsPaced writes 24 months at once, for two minutes of commits.
func TestBackfillIsPaced(t *testing.T) {
	for _, intervalMs := range []int64{200, 1000} {
		s := bare(t, bareConfig(), opening())
		var times []int64
		for m := range int64(24) {
			times = append(times, time.Date(2026, 3-time.Month(m), 2, 0, 0, 0, 0, time.UTC).UnixMilli())
		}
		parts, waited := map[partition]int{}, map[int32]int64{}
		const minutes = 2
		for clock := march; clock < march+minutes*60_000; clock += intervalMs {
			n := (clock-march)/intervalMs + 1
			commit(t, s, pipeline.Cut{Number: n, Clock: clock}, batchOf(times...))
			for _, o := range s.blocks.open {
				if waited[o.month] == 0 {
					waited[o.month] = clock
				}
				if clock-waited[o.month] > spacingMax {
					t.Fatalf("every %d ms: a block of %d waits for %d ms", intervalMs, o.month, clock-waited[o.month])
				}
			}
			must(t, s.Release(t.Context(), n))
			for _, p := range deliverAll(s) {
				parts[p.partition]++
				delete(waited, p.month)
			}
		}
		for p, n := range parts {
			if n > 7*minutes {
				t.Errorf("every %d ms: %d parts a minute in %d", intervalMs, n/minutes, p.month)
			}
		}
		if len(parts) != 24 {
			t.Errorf("every %d ms: %d partitions", intervalMs, len(parts))
		}
	}
}

// TestFrequentCommitsArePaced gives a partition about one insert a second.
func TestFrequentCommitsArePaced(t *testing.T) {
	s := bare(t, bareConfig(), opening())
	inserts := 0
	for n := range int64(600) {
		commit(t, s, pipeline.Cut{Number: n + 1, Clock: march + 100*n}, batchOf(march))
		must(t, s.Release(t.Context(), n+1))
		inserts += len(deliverAll(s))
	}
	if inserts > 67 || inserts < 60 {
		t.Errorf("%d inserts in a minute", inserts)
	}
}

// TestBlocksGrowWhileTheServerIsSlow lets nothing small close while blocks are
// held up, and full ones always.
func TestBlocksGrowWhileTheServerIsSlow(t *testing.T) {
	c := bareConfig()
	c.Block.RowsMax = 10
	s := bare(t, c, opening())
	clock := march
	n := int64(0)
	cut := func(afterMs int64) (closed int) {
		before := s.blocks.number
		clock += afterMs
		n++
		commit(t, s, pipeline.Cut{Number: n, Clock: clock}, batchOf(march, march, march))
		must(t, s.Release(t.Context(), n))
		return int(s.blocks.number - before)
	}
	if cut(1000) != 1 {
		t.Fatal("the first block stays open")
	}
	if cut(20_000) != 0 {
		t.Error("a small block closes while one of its partition is on its way")
	}
	s.queue.finish(s.queue.parcels[0], outcome{err: pipeline.Retryable(errors.New("too many parts")), answer: true, crowded: true})
	if closed := cut(20_000) + cut(20_000) + cut(20_000) + cut(20_000); closed != 1 {
		t.Errorf("%d blocks close, want the full one", closed)
	}
	if rows := s.queue.parcels[1].rows; rows != 10 {
		t.Errorf("a block of %d rows closes", rows)
	}
	deliverAll(s)
	if cut(20_000) != 1 {
		t.Error("the block stays open after the server took the others")
	}
	deliverAll(s)
	if cut(spacingMin) != 0 {
		t.Error("a table that had too many parts gets a small block after the usual time")
	}
	if cut(spacingMax-spacingMin) != 1 {
		t.Error("a table that had too many parts gets no small block in the end")
	}
}

// TestDeliveredMarks counts what is delivered out of order.
func TestDeliveredMarks(t *testing.T) {
	c := bareConfig()
	c.Block.RowsMax = 1
	s := bare(t, c, opening())
	commit(t, s, pipeline.Cut{Number: 1}, batchOf(march, march, march, march, march))
	must(t, s.Release(t.Context(), 1))
	says := func(want string) {
		t.Helper()
		mark, beyond := s.queue.delivered()
		if got := fmt.Sprint(mark, beyond); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	blocks := slices.Clone(s.queue.parcels)
	for _, step := range []struct {
		i    int
		want string
	}{{3, "0 [4]"}, {1, "0 [2 4]"}, {0, "2 [4]"}, {2, "4 []"}, {4, "5 []"}} {
		s.queue.finish(blocks[step.i], outcome{})
		says(step.want)
	}
}

func TestADecisionOfAnotherVersion(t *testing.T) {
	s := bare(t, bareConfig(), opening())
	_, err := s.Cut(t.Context(), &pipeline.Cut{Number: 3, Replay: true, Decision: []byte("x")})
	if err == nil || !strings.Contains(err.Error(), "commit 3") {
		t.Errorf("got %v", err)
	}
}
