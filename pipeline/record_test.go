package pipeline

import (
	"reflect"
	"strings"
	"testing"

	"touchstream/pipeline/event"
)

func sampleEntry() *entry {
	return &entry{
		number: 7, clock: 1_000, started: 900, generation: 1_700_000_000, run: 3, version: "0.1", plan: 42, all: true, settings: []Setting{{"shards", "64"}},
		steps: []stepRecord{{
			number:  12,
			origins: []event.Origin{{Source: "web", Topic: "clicks", Partition: 2}},
			found:   []foundPartition{{partitionID{1, 2}, Position{Topic: "clicks", Partition: 2, Offset: 5}}},
			ranges: []rangeRecord{
				{partitionID: partitionID{1, 2}, first: 5, last: 90, n: 80, at: 1_234},
				{partitionID: partitionID{0, 0}, kind: loadRange, n: 40, at: event.Absent, load: loadDigest{40, 380, 1, 39, 2, 1_000, 1_039, 900}},
				{partitionID: partitionID{0, 0}, kind: cutRange, n: 9, at: event.Absent},
			},
			clocks: [2]domainClock{{at: 5, quietAt: 6, wasQuiet: true}, {at: beginOfTime}},
			oldest: 4, idle: []partitionID{{0, 0}},
			digest: stepDigest{tables: []tableDigest{{"sessions", 3, 77}}, shards: []shardDigest{{noShardDigest, 9}, {4, 8}}},
		}, {number: 13}},
		decisions: []decision{{"warehouse", []byte{1, 2}}, {"local", nil}},
	}
}

func TestEntryComesBack(t *testing.T) {
	want := sampleEntry()
	got, err := decodeEntry(want.append([]byte("before"))[len("before"):])
	if err != nil {
		t.Fatal(err)
	}
	want.decisions[1].bytes = []byte{}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestDamagedEntryIsFound(t *testing.T) {
	good := sampleEntry().append(nil)
	for i := range good {
		for bit := range 8 {
			bad := append([]byte(nil), good...)
			bad[i] ^= 1 << bit
			if _, err := decodeEntry(bad); err == nil {
				t.Fatalf("bit %d of byte %d is another one and nobody notices", bit, i)
			}
		}
		if _, err := decodeEntry(good[:i]); err == nil {
			t.Fatalf("an entry of %d of %d bytes is taken", i, len(good))
		}
	}
}

func FuzzDecodeHead(f *testing.F) {
	h := head{version: "0.1", plan: []Setting{{"shards", "64"}}, number: 3, input: inputState{sources: []sourceState{{name: "a", mark: []byte{1, 2}, parts: []partitionState{{}, {sorted: true, load: loadDigest{rows: 1}, next: 3}}}}}}
	f.Add(h.append(nil))
	f.Fuzz(func(_ *testing.T, b []byte) {
		_, _ = decodeHead(b) // must not panic
	})
}

func TestDigestNamesWhereItDiffers(t *testing.T) {
	was, now := sampleEntry().steps[0].digest, sampleEntry().steps[0].digest
	if err := was.compare(12, &now); err != nil {
		t.Fatal(err)
	}
	now.tables[0].sum, now.shards[1].sum = 78, 7
	err := was.compare(12, &now)
	for _, part := range []string{"step 12", "table sessions", "shard 4"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v does not name %s", err, part)
		}
	}
	if err := was.compare(12, &stepDigest{}); err == nil || !strings.Contains(err.Error(), "before the shards") {
		t.Errorf("error %v", err)
	}
}
