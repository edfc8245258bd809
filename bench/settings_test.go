package bench

import (
	"log/slog"
	"runtime"
	"testing"

	"touchstream/operators/abandonment"
	"touchstream/operators/crowd"
	"touchstream/operators/identity"
	"touchstream/operators/ropo"
	"touchstream/operators/sessions"
	"touchstream/operators/window"
	"touchstream/pipeline"
	"touchstream/pipeline/config"
	"touchstream/pipeline/event"
	"touchstream/pipeline/schema"
	"touchstream/pipeline/venue"
	"touchstream/sources/decode/segment"
	"touchstream/sources/generator"
)

// defaults are the keys that benchmarks leave as they are, read the way that
// a configuration file is, so that defaults are those of the product.
const defaults = `
name: bench
identity: {key: bench}
sessions: {}
ropo: {}
abandonment: {}
cart: {cart: {after: 1ms}}
crowd: {windows: [1m]}
windows:
  revenue_by_category:
    tumbling: 1h
    key: [channel, category]
    where: event == "Order Completed"
    aggregate: {orders: uniq_exact(order_id), quantity: sum(quantity), revenue: sum(amount)}
  visitors_by_channel:
    sliding: {size: 1h, slide: 15m}
    key: [channel]
    aggregate: {events: count(), visitors: uniq(profile_id)}
`

type settings struct {
	config.Common
	sessions    sessions.Config
	ropo        ropo.Config
	abandonment abandonment.Config
	cart        abandonment.Config // fires at once
	crowd       crowd.Config
	windows     []window.Config
}

// Declare declares the keys.
func (c *settings) Declare(s *config.Section) {
	c.Common.Declare(s)
	s.Section("sessions", &c.sessions, "Visits.")
	s.Section("ropo", &c.ropo, "Research before purchases.")
	s.Section("abandonment", &c.abandonment, "Carts that were left.")
	s.Section("cart", &c.cart, "Carts that were left just now.")
	s.Section("crowd", &c.crowd, "People in zones.")
	s.Map("windows", "Aggregates.", func(name string, s *config.Section) {
		w := window.Config{Name: name}
		w.Declare(s)
		c.windows = append(c.windows, w)
	})
}

func readSettings(tb testing.TB) *settings {
	tb.Helper()
	f, err := config.Parse("bench.yaml", []byte(defaults), func(string) (string, bool) { return "", false })
	if err != nil {
		tb.Fatal(err)
	}
	c := &settings{}
	if err := f.Read(c); err != nil {
		tb.Fatal(err)
	}
	return c
}

// newPipeline is the configuration of a whole pipeline over one source of
// Segment records, with the named operators (see operatorSets) and a sink that
// discards.
func newPipeline(tb testing.TB, workload, set string, source pipeline.Source) pipeline.Config {
	tb.Helper()
	s := readSettings(tb)
	cfg := pipeline.Config{
		Name: s.Name, Shards: s.Shards, Lanes: runtime.GOMAXPROCS(0), Bounded: true,
		MaxRecords: s.Step.MaxRecords, MaxWait: s.Step.MaxWaitMs,
		CommitEvery: s.CommitIntervalMs,
		DedupWindow: s.Dedup.WindowMs, DedupEntries: int(s.Dedup.MaxEntries),
		BufferRows: 1 << 21,
		Hasher:     event.NewHasher(s.Identity.Key.Reveal(), s.Identity.Block),
		Clock:      func() int64 { return generator.DefaultStart },
		Started:    generator.DefaultStart,
		Log:        slog.New(slog.DiscardHandler),
	}
	place := newVenue(tb, workload)
	cfg.Place = crowd.Place(place)
	tables := []*schema.Table{pipeline.DeadLetters, pipeline.Triggers}
	add := func(op pipeline.Operator) {
		cfg.Operators = append(cfg.Operators, op)
		tables = append(tables, op.Spec().Tables...)
	}
	for _, name := range operatorSets[set] {
		switch name {
		case "identity":
			cfg.NewResolver = func() pipeline.Resolver { return newResolver(s, cfg.Hasher) }
			tables = append(tables, identity.Tables()...)
		case "sessions":
			add(sessions.New(s.sessions, sessions.Env{Shards: s.Shards, AllowedLateness: s.Time.AllowedLatenessMs,
				EventsPerMinuteMax: int64(s.Bots.MaxEventsPerMinute)}))
		case "ropo":
			add(ropo.New(s.ropo, s.Shards, place))
		case "abandonment":
			add(abandonment.New(s.abandonment, s.Shards))
		case "cart":
			add(abandonment.New(s.cart, s.Shards))
		case "crowd":
			add(crowd.New(s.crowd, s.Shards, place))
		case "windows":
			for _, w := range s.windows {
				op, err := window.New(w, window.Env{Hasher: cfg.Hasher, Shards: s.Shards, AllowedLateness: s.Time.AllowedLatenessMs})
				if err != nil {
					tb.Fatal(err)
				}
				add(op)
			}
		}
	}
	cfg.Sources = []pipeline.SourceConfig{{
		AllowedLateness: s.Time.AllowedLatenessMs, MaxSkew: s.Time.MaxSkewMs, FutureMax: s.Time.MaxFutureMs,
		Name: "memory", Source: source, NewDecoder: segment.New(segment.Config{}), Bots: event.KnownBots,
		MaxRecord: 1 << 20, OutOfOrderness: s.Time.MaxOutOfOrdernessMs, IdleAfter: s.Time.IdleAfterMs,
	}}
	cfg.Sinks = []pipeline.SinkConfig{{Name: "nothing", Sink: discard{}, Tables: tables}}
	return cfg
}

// operatorSets are what a core benchmark runs.
var operatorSets = map[string][]string{
	"none":        {},
	"identity":    {"identity"},
	"sessions":    {"sessions"},
	"windows":     {"windows"},
	"crowd":       {"crowd"},
	"cart":        {"identity", "sessions", "cart"},
	"ropo":        {"identity", "ropo"},
	"abandonment": {"identity", "abandonment"},
	"all":         {"identity", "sessions", "ropo", "abandonment", "crowd", "windows"},
}

func newResolver(s *settings, h *event.Hasher) *identity.Resolver {
	return identity.New(identity.Options{
		MaxLinks: s.Identity.MaxLinks, SharedDevices: s.Identity.SharedDevices,
		MaxIdentifiers: 6_000_000, MaxReferences: 20_000_000, ReferenceKept: 90 * 86_400_000, Hasher: h,
	})
}

// newVenue is the venue file that belongs to a workload.
func newVenue(tb testing.TB, workload string) *venue.Venue {
	tb.Helper()
	text := generator.AppendVenue(nil)
	if workload == "crowd" {
		text = generator.AppendArenaVenue(nil)
	}
	v, err := venue.Parse("venue.yaml", text, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

// wanted is what the operators of a set need of an event, as the engine asks
// the decoder for it.
func wanted(tb testing.TB, set string) event.Want {
	tb.Helper()
	cfg := newPipeline(tb, "web", set, nil)
	w := event.Want{Columns: event.SetOf(event.Event, event.EventTime, event.MessageID, event.UserAgent, event.OrderID, event.Price, event.Quantity), Items: true}
	for _, k := range event.SessionKinds {
		w.Columns.Add(k.Column())
	}
	for _, op := range cfg.Operators {
		w = w.Or(op.Spec().Needs)
	}
	if cfg.NewResolver != nil {
		w = w.Or(cfg.NewResolver().Spec().Needs)
	}
	return w
}
