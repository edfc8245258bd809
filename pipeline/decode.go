package pipeline

import (
	"fmt"

	"touchstream/pipeline/event"
)

// decodeWorker holds what one goroutine needs to decode any source.
type decodeWorker struct {
	cfg       *Config
	want      event.Want
	decoders  []event.Decoder
	finishers []event.Finisher
	part      event.Chunk // of the chunk at hand
	routers   int
	// started is the clock of records without a timestamp.
	started *int64
}

func newDecodeWorker(cfg *Config, started *int64) *decodeWorker {
	w := &decodeWorker{cfg: cfg, want: wants(cfg), started: started}
	for i := range cfg.Sources {
		s := &cfg.Sources[i]
		w.decoders = append(w.decoders, s.NewDecoder())
		finisher := event.Finisher{Hasher: cfg.Hasher, Defaults: s.Defaults}
		if len(s.Bots) > 0 {
			finisher.Bots = event.NewBotTest(s.Bots)
		}
		w.finishers = append(w.finishers, finisher)
	}
	for _, op := range cfg.Operators {
		if _, ok := op.(Router); ok {
			w.routers++
		}
	}
	return w
}

// wants is what all parts of the pipeline need of an event.
func wants(cfg *Config) event.Want {
	w := event.Want{Columns: event.SetOf(event.Event, event.EventTime, event.MessageID)}
	for _, op := range cfg.Operators {
		w = w.Or(op.Spec().Needs)
		switch op.Spec().Key {
		case ByDevice:
			for _, k := range event.SessionKinds {
				w.Columns.Add(k.Column())
			}
		case ByProfile:
			w.Columns.Add(event.OrderID)
		case ByVenue:
			w.Columns = w.Columns.Or(event.SetOf(event.StoreID, event.ZoneID, event.SensorID))
		}
	}
	if cfg.NewResolver != nil {
		w = w.Or(cfg.NewResolver().Spec().Needs)
	}
	for _, s := range cfg.Sinks {
		for _, t := range s.Tables {
			if t.Name == eventsName {
				w = w.Or(event.Want{Columns: event.AllColumns(), Items: true, AllAttrs: true})
			}
		}
	}
	for i := range cfg.Sources {
		if len(cfg.Sources[i].Bots) > 0 {
			w.Columns.Add(event.UserAgent)
		}
	}
	if w.Columns.Has(event.Amount) {
		// An event's amount may have to be made from its lines.
		w = w.Or(event.Want{Columns: event.SetOf(event.Price, event.Quantity), Items: true})
	}
	return w
}

// decode turns a chunk into rows.
func (w *decodeWorker) decode(p *piece) {
	b := p.batch
	w.buryLarge(p)
	// The arena is the chunk's own memory; what decoders append lies behind it.
	b.Arena = p.chunk.Data
	b.Reserve(len(p.chunk.Recs))
	for i := 0; i < len(p.chunk.Recs); {
		first := b.N
		i = p.chunk.Part(&w.part, i, event.PartRecords)
		b.Grow(len(w.part.Recs))
		w.decoders[p.source].Decode(&w.part, b)
		w.finishers[p.source].FinishFrom(&w.part, b, first)
	}
	w.part = event.Chunk{}
	if w.cfg.Place != nil {
		w.cfg.Place(b)
	}
	b.NoteEmpty()
	for _, f := range b.Faults {
		bury(p.dead, p.raw, f.Record, f.Code, f.Detail)
	}
	w.admitTimes(p)
}

// buryLarge takes records over the source's limit out of the chunk.
func (w *decodeWorker) buryLarge(p *piece) {
	most := w.cfg.Sources[p.source].MaxRecord
	kept := p.chunk.Recs[:0]
	for i, r := range p.chunk.Recs {
		if size := max(r.Size, int64(r.Len)); size > most {
			bury(p.dead, p.raw, uint32(i), event.TooLarge, fmt.Sprintf("record of %d bytes is over max_record %d", size, most))
			continue
		}
		kept = append(kept, r)
	}
	p.chunk.Recs = kept
}

// admitTimes leaves out events too far ahead of their record.
func (w *decodeWorker) admitTimes(p *piece) {
	b, most := p.batch, w.cfg.Sources[p.source].FutureMax
	for r := range b.N {
		clock := p.chunk.Recs[b.Record[r]].Timestamp
		if clock == event.Absent {
			clock = *w.started
		}
		if t := b.Time(r); t-clock > most {
			bury(p.dead, p.raw, b.Record[r], event.FutureTime, fmt.Sprintf("event time %s is more than %s ahead of %s",
				formatTime(t), formatDuration(most), formatTime(clock)))
			continue
		}
		p.rows = append(p.rows, uint32(r))
	}
}

// decode decodes the step's chunks in parallel, then marks every row with its
// partition's watermark just before it, in log order.
func (in *input) decode(s *step) {
	inParallel(len(in.workers), len(s.pieces), func(worker, i int) {
		if p := s.pieces[i]; len(p.chunk.Recs) > 0 {
			in.workers[worker].decode(p)
		}
	})
	for _, p := range s.pieces {
		b := p.batch
		for _, r := range p.rows {
			clock := event.Absent
			if len(p.chunk.Recs) > 0 {
				clock = int(p.chunk.Recs[b.Record[r]].Timestamp)
			}
			b.Own[r] = p.part.observe(b.Time(int(r)), int64(clock))
			if !in.sighted[p.source] && isSighting(b.Name[r]) {
				in.sighted[p.source] = true
			}
		}
		s.skipped += int64(b.Skipped)
	}
}

func isSighting(n event.Name) bool {
	switch n {
	case event.SensorSeen, event.TagRead, event.ZoneEntered, event.ZoneExited, event.CounterRead:
		return true
	}
	return false
}
