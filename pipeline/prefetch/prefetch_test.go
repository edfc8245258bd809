package prefetch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"touchstream/pipeline/event"
)

func block(from, n int) *Block {
	b := &Block{}
	for i := from; i < from+n; i++ {
		v := fmt.Sprintf("v%d", i)
		b.Add([]byte(v), len(v), int64(i), int64(1000+i))
	}
	return b
}

func put(p *Partition, b *Block, next, readable int64) {
	p.buffer.Lock()
	defer p.buffer.Unlock()
	p.Put(next, readable, b)
}

func add(b *Buffer, at, end int64) *Partition {
	b.Lock()
	defer b.Unlock()
	return b.Add("web", int32(len(b.parts)), at, end)
}

// TestAnyBlocksReadTheSame cuts a log into random blocks, with gaps, and reads
// it in random portions: the same records come, and Ended with the last one.
func TestAnyBlocksReadTheSame(t *testing.T) {
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		const n = 60
		b := New()
		p := add(b, 0, n+5) // The last five offsets hold no record.
		go func() {
			for at := 0; at < n; {
				size := min(1+rnd.IntN(20), n-at)
				put(p, block(at, size), int64(at+size), n+5)
				at += size
			}
			put(p, &Block{}, n+5, n+5)
		}()
		read := 0
		var c event.Chunk
		portions := rand.New(rand.NewPCG(seed, 2))
		for state := HasMore; state != Ended; {
			var err error
			limit := 1 + portions.IntN(12)
			if state, err = b.Read(t.Context(), 0, limit, true, &c); err != nil {
				t.Fatal(err)
			}
			if len(c.Recs) == 0 || len(c.Recs) > limit {
				t.Fatalf("seed %d: %d records, asked for 1 to %d", seed, len(c.Recs), limit)
			}
			for i, r := range c.Recs {
				if string(c.Value(i)) != fmt.Sprintf("v%d", read) || r.Offset != int64(read) || r.Timestamp != int64(1000+read) {
					t.Fatalf("seed %d: record %d is %q %+v", seed, read, c.Value(i), r)
				}
				read++
			}
			if (state == Ended) != (read == n) {
				t.Fatalf("seed %d: state %d after %d of %d records", seed, state, read, n)
			}
		}
		if lag := b.Lag(); lag != 0 {
			t.Fatalf("seed %d: lag %d", seed, lag)
		}
	}
}

func TestShare(t *testing.T) {
	b := New()
	p := add(b, 0, NoEnd)
	b.Lock()
	defer b.Unlock()
	big := make([]byte, shareBytesMax)
	p.Put(1, 10, &Block{Data: big, Recs: []event.Rec{{Len: uint32(len(big))}}})
	if !p.Wanted() {
		t.Error("a single record fills the share")
	}
	p.Put(2, 10, block(1, 1))
	if p.Wanted() {
		t.Error("more is wanted beyond the share")
	}
	b.Unlock()
	var c event.Chunk
	state, err := b.Read(context.Background(), 0, 100, false, &c)
	b.Lock()
	if err != nil || len(c.Recs) != 1 || state != HasMore {
		t.Errorf("%d records, state %d, %v; want the large one alone", len(c.Recs), state, err)
	}
	if !p.Wanted() {
		t.Error("nothing is wanted after reading")
	}
	for range 1000 {
		b.Add("web", 1, 0, NoEnd)
	}
	if got := b.share(); got != shareBytesMin {
		t.Errorf("the share among 1001 partitions is %d", got)
	}
}

func TestStatesAndErrors(t *testing.T) {
	b := New()
	p := add(b, 5, NoEnd)
	var c event.Chunk
	expect := func(n int, state State, err error) {
		t.Helper()
		got, gotErr := b.Read(t.Context(), 0, 100, false, &c)
		if len(c.Recs) != n || got != state || !errors.Is(gotErr, err) {
			t.Fatalf("%d records, state %d, error %v; want %d, %d, %v", len(c.Recs), got, gotErr, n, state, err)
		}
	}
	expect(0, HasMore, nil)
	if lag := b.Lag(); lag != -1 {
		t.Errorf("lag %d before any fetch", lag)
	}
	put(p, block(5, 2), 7, 9)
	if lag := b.Lag(); lag != 4 {
		t.Errorf("lag %d, want 4", lag)
	}
	expect(2, HasMore, nil)
	put(p, block(7, 2), 9, 9)
	away := errors.New("away")
	b.Lock()
	p.Fail(away)
	b.Unlock()
	expect(2, HasMore, nil) // What is there comes before the error, and nothing is known of the end.
	expect(0, HasMore, away)
	put(p, &Block{}, 9, 9)
	expect(0, CaughtUp, nil)
	gone := errors.New("gone")
	b.Break(gone)
	expect(0, HasMore, gone)
	b.Close()
	expect(0, HasMore, ErrClosed)
}

func TestReady(t *testing.T) {
	b := New()
	p := add(b, 0, NoEnd)
	signalled := func() bool {
		select {
		case <-b.Ready():
			return true
		default:
			return false
		}
	}
	if !signalled() {
		t.Error("a new partition is no news")
	}
	put(p, &Block{}, 0, 0)
	if !signalled() {
		t.Error("a found end is no news")
	}
	put(p, &Block{}, 0, 0)
	if signalled() {
		t.Error("the same end again is news")
	}
	put(p, block(0, 1), 1, 1)
	if !signalled() {
		t.Error("a record is no news")
	}
}

func TestWaitEndsWithTheContext(t *testing.T) {
	b := New()
	add(b, 0, NoEnd)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := b.Read(ctx, 0, 1, true, &event.Chunk{})
		done <- err
	}()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestLongRecordsAreCut(t *testing.T) {
	b := &Block{}
	b.Add(make([]byte, RecordBytesMax+1), RecordBytesMax+1, 1, 2)
	b.Add([]byte("x"), 1, 2, 3)
	want := []event.Rec{{Len: RecordBytesMax, Size: RecordBytesMax + 1, Offset: 1, Timestamp: 2}, {Off: RecordBytesMax, Len: 1, Offset: 2, Timestamp: 3}}
	if !slices.Equal(b.Recs, want) {
		t.Errorf("records %+v", b.Recs)
	}
}

func TestOriginsAreInOrder(t *testing.T) {
	b := New()
	b.Lock()
	b.Add("app", 1, 0, NoEnd)
	b.Add("web", 0, 0, NoEnd)
	b.Unlock()
	if got, want := b.Origins(), []event.Origin{{Topic: "app", Partition: 1}, {Topic: "web"}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestChunksOwnTheirMemory: what one chunk was given changes neither with what
// is read into others nor with what is fetched into blocks that come back.
func TestChunksOwnTheirMemory(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 5))
	b := New()
	p := add(b, 0, NoEnd)
	chunks := make([]event.Chunk, 5)
	fetched, read := 0, 0
	for round := range 2000 {
		if b.Lock(); p.queuedRecs < 100 {
			x := b.NewBlock(0, 0)
			for range 1 + rnd.IntN(40) {
				v := fmt.Sprintf("v%d", fetched)
				x.Add([]byte(v), len(v), int64(fetched), 0)
				fetched++
			}
			p.Put(int64(fetched), int64(fetched), x)
		}
		b.Unlock()
		c := &chunks[round%len(chunks)]
		if _, err := b.Read(t.Context(), 0, 1+rnd.IntN(40), false, c); err != nil || len(c.Recs) == 0 || c.Recs[0].Offset != int64(read) {
			t.Fatalf("round %d: %d records, %v", round, len(c.Recs), err)
		}
		read += len(c.Recs)
		for i := range chunks {
			size := 0
			for k, r := range chunks[i].Recs {
				if want := fmt.Sprintf("v%d", r.Offset); string(chunks[i].Value(k)) != want {
					t.Fatalf("round %d: %q in chunk %d, want %q", round, chunks[i].Value(k), i, want)
				}
				size += int(r.Len)
			}
			if size != len(chunks[i].Data) {
				t.Fatalf("round %d: values of %d bytes lie in %d", round, size, len(chunks[i].Data))
			}
		}
	}
}

// TestWholeBlocksAreNotCopied: while the newest record of a bounded run is held
// back, all blocks but the last one are handed over by their memory.
func TestWholeBlocksAreNotCopied(t *testing.T) {
	b := New()
	p := add(b, 0, 1_000_000)
	memory := map[*byte]bool{}
	for at := 0; at < 10*BlockRecordsMax; at += BlockRecordsMax {
		x := block(at, BlockRecordsMax)
		memory[&x.Data[0]] = true
		put(p, x, int64(at+BlockRecordsMax), 1_000_000)
	}
	var c event.Chunk
	for read := 0; read < 10*BlockRecordsMax-1; read += len(c.Recs) {
		if _, err := b.Read(t.Context(), 0, BlockRecordsMax, true, &c); err != nil {
			t.Fatal(err)
		}
		if !memory[&c.Data[0]] {
			t.Fatalf("the %d records from %d on were copied", len(c.Recs), read)
		}
	}
	put(p, block(10*BlockRecordsMax, BlockRecordsMax), 11*BlockRecordsMax, 1_000_000)
	sizes := []int{}
	for range 2 { // the record that was held back, then the rest of the new block
		if _, err := b.Read(t.Context(), 0, BlockRecordsMax, true, &c); err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(c.Recs))
	}
	if want := []int{1, BlockRecordsMax - 1}; !slices.Equal(sizes, want) {
		t.Errorf("chunks of %d records, want %d", sizes, want)
	}
}

// TestSpareBlocks: memory comes back as long as it is no more than the buffer's
// bound, and garbage collections do not take it.
func TestSpareBlocks(t *testing.T) {
	b := New()
	const size = bufferBytes / 4
	for range 6 {
		b.spare.give(&Block{Data: make([]byte, 1, size)})
	}
	runtime.GC()
	runtime.GC()
	for i := range 5 {
		if x := b.NewBlock(0, 0); len(x.Data) != 0 || cap(x.Data) != []int{size, size, size, size, 0}[i] {
			t.Errorf("block %d has %d of %d bytes", i, len(x.Data), cap(x.Data))
		}
	}
	if b.spare.bytes != 0 {
		t.Errorf("%d bytes are left", b.spare.bytes)
	}
}
