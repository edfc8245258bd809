package generator

import (
	"math"

	"touchstream/pipeline/event"
)

// World is a stream of the records of a synthetic world. It is used by one
// goroutine.
type World struct {
	opt     Options
	end     int64
	catalog *catalog
	truth   *Truth
	people  []person
	doors   [numStores]struct{ in, out int32 }

	stories     []story
	freeStories []int32
	blank       story // of scenes that belong to none

	plans      heap[plan, *plan]
	planSeq    uint64
	nextDay    int
	scenes     []scene
	freeScenes []int32
	stage      heap[turn, *turn] // scenes under way, by their next act
	script     script
	current    plan // being expanded

	noise    dice
	spoilt   Record
	kept     []later
	freeKept []int32
	road     heap[turn, *turn] // records that are kept, by their arrival
	keptSeq  uint64

	stamp                               stamp
	orderNumber, callNumber, cartNumber uint64
	count                               counts
	isOver                              bool
}

// counts are what the summary tells.
type counts struct {
	records, duplicates, badNumber, late, tooLate uint64
	bad                                           [numBad]uint64
}

// turn is a place in a queue ordered by time and, within it, by number.
type turn struct {
	at    int64
	seq   uint64
	index int32
}

func (t *turn) before(o *turn) bool { return t.at < o.at || t.at == o.at && t.seq < o.seq }
func (p *plan) before(o *plan) bool { return p.at < o.at || p.at == o.at && p.seq < o.seq }

// New makes a world. The truth may be nil; else its tables are complete when
// Next has reported the end, and the caller closes it.
func New(opt Options, truth *Truth) (*World, error) {
	if err := opt.Validate(); err != nil {
		return nil, err
	}
	w := &World{
		opt: opt, end: opt.StartMS + int64(opt.Days)*day, catalog: newCatalog(), truth: truth,
		people: make([]person, opt.Customers), noise: newDice(opt.Seed, 7),
	}
	for i := range w.people {
		w.people[i] = w.makePerson(i)
	}
	for i := range w.people {
		if p := &w.people[i]; p.kind == registered && p.joined {
			w.push(plan{kind: sceneCRM, at: opt.StartMS + minute, person: int32(i), story: noStory, device: noDevice, store: -1})
			break
		}
	}
	for b := range 2 + opt.Customers/5000 {
		pl := plan{kind: sceneBot, at: opt.StartMS + int64(mix(opt.Seed+uint64(b))%uint64(4*hour)), ref: uint64(b), person: noPerson, story: noStory, device: noDevice, store: -1}
		if b%2 == 1 {
			pl.flags = doFast
		}
		w.push(pl)
	}
	return w, nil
}

// push queues a plan; the number it gets is the scene's id.
func (w *World) push(pl plan) {
	w.planSeq++
	pl.seq = w.planSeq
	w.plans.push(pl)
}

func (w *World) newStory() int32 {
	if n := len(w.freeStories); n > 0 {
		id := w.freeStories[n-1]
		w.freeStories = w.freeStories[:n-1]
		return id
	}
	w.stories = append(w.stories, story{})
	return int32(len(w.stories) - 1)
}

// endScene gives the story's place back after its last scene.
func (w *World) endScene(id int32) {
	st := &w.stories[id]
	if st.scenes--; st.scenes == 0 {
		w.freeStories = append(w.freeStories, id)
	}
}

func (w *World) newScene() int32 {
	if n := len(w.freeScenes); n > 0 {
		index := w.freeScenes[n-1]
		w.freeScenes = w.freeScenes[:n-1]
		return index
	}
	w.scenes = append(w.scenes, scene{})
	return int32(len(w.scenes) - 1)
}

// inOpening gives t, or half an hour after the next opening if stores are
// closed at t.
func (w *World) inOpening(t int64) int64 {
	for n := int((t - w.opt.StartMS) / day); ; n++ {
		open, closes := w.opening(n)
		if t < open {
			return open + 30*minute
		}
		if t < closes {
			return t
		}
	}
}

// Next gives the record that is delivered next.
func (w *World) Next(rec *Record) bool {
	for {
		now := w.prepare()
		if w.road.size() > 0 && w.road.top().at <= now {
			w.deliver(rec)
			w.count.records++
			return true
		}
		if now == math.MaxInt64 {
			if !w.isOver {
				w.isOver = true
				w.truth.finish(w)
			}
			return false
		}
		if w.perform(rec) {
			w.count.records++
			return true
		}
	}
}

// prepare plans days and expands scenes until the next act is known, and gives
// its time, math.MaxInt64 when the world is over.
func (w *World) prepare() int64 {
	for {
		next := int64(math.MaxInt64)
		if w.stage.size() > 0 {
			next = w.stage.top().at
		}
		planned := int64(math.MaxInt64)
		if w.plans.size() > 0 {
			planned = w.plans.top().at
		}
		switch {
		case w.nextDay < w.opt.Days && w.dayStart(w.nextDay) <= min(next, planned):
			w.planDay(w.nextDay)
			w.nextDay++
		case planned <= next && planned != math.MaxInt64:
			w.current = w.plans.pop()
			w.expand(&w.current)
		default:
			return next
		}
	}
}

// perform takes the next act from the stage and reports whether it is a record
// that is delivered at once.
func (w *World) perform(rec *Record) bool {
	t := w.stage.top()
	s := &w.scenes[t.index]
	index := s.next
	a := &s.acts[index]
	s.next++
	isLast := s.next == len(s.acts)
	now := false
	w.passDoor(a)
	if !a.isSilent {
		w.encode(s, index, rec)
		if a.isTooOld {
			w.count.tooLate++
		} else if a.delay > 0 {
			w.count.late++
		}
		now = w.disturb(rec, a.delay)
	}
	if isLast {
		w.freeScenes = append(w.freeScenes, t.index)
		w.stage.pop()
	} else {
		w.stage.replaceTop(turn{at: s.acts[s.next].at, seq: t.seq, index: t.index})
	}
	return now
}

// passDoor counts who passes the door of a store.
func (w *World) passDoor(a *act) {
	switch a.name {
	case event.StoreEntered:
		w.doors[a.store].in++
	case event.StoreExited:
		w.doors[a.store].out++
	}
}
