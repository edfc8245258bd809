package main

import (
	"slices"

	"touchstream/operators/abandonment"
	"touchstream/operators/crowd"
	"touchstream/operators/ropo"
	"touchstream/operators/sessions"
	"touchstream/operators/window"
	"touchstream/pipeline/config"
	"touchstream/pipeline/event"
	"touchstream/pipeline/kafkaconn"
	"touchstream/sinks/clickhouse"
	sinkfile "touchstream/sinks/file"
	sinkkafka "touchstream/sinks/kafka"
	"touchstream/sinks/stdout"
	"touchstream/sources/decode/ga4"
	"touchstream/sources/decode/mapping"
	"touchstream/sources/decode/segment"
	"touchstream/sources/generator"
)

// settings is a whole configuration file.
type settings struct {
	config.Common
	sources   []*sourceSettings
	operators operatorSettings
	sinks     []*sinkSettings
}

// Declare declares all keys.
func (c *settings) Declare(s *config.Section) {
	c.Common.Declare(s)
	s.Map("sources", "What is read: a transport, a decoder, defaults.", func(name string, s *config.Section) {
		src := &sourceSettings{name: name, pos: s.Pos()}
		src.declare(s, c.Time)
		c.sources = append(c.sources, src)
	})
	s.Section("operators", &c.operators, "What is computed; only the operators that are named run.")
	s.Map("sinks", "Where rows go.", func(name string, s *config.Section) {
		k := &sinkSettings{name: name, pos: s.Pos()}
		k.declare(s)
		c.sinks = append(c.sinks, k)
	})
	s.Check(func() { c.check(s) })
}

// check compares keys of different sections.
func (c *settings) check(s *config.Section) {
	if len(c.sources) == 0 {
		s.Fault("sources", "no source is configured; the pipeline needs one at least")
	}
	if len(c.sinks) == 0 {
		s.Fault("sinks", "no sink is configured; the pipeline needs one at least")
	}
	if c.Stage != "all" {
		s.Fault("stage", "%s is not available in this version, only all", c.Stage)
	}
	if c.Identity.Key == "" {
		for _, src := range c.sources {
			if field := src.identifier(); field != "" {
				s.Fault("identity", "key is required because sources.%s maps %s; set identity.key to a secret that stays the same, such as ${TOUCHSTREAM_KEY}", src.name, field)
				break
			}
		}
	}
}

// sourceSettings is one source.
type sourceSettings struct {
	name      string
	pos       config.Pos
	transport string
	kafka     kafkaconn.Input
	file      fileSettings
	generator generator.Options
	decoder   string
	segment   segment.Config
	ga4       ga4.Config
	mapping   mapping.Config
	defaults  []config.Pair
	time      config.Time
	advisory  bool
	maxRecord int64
}

// fileSettings is the file transport.
type fileSettings struct {
	paths []string
	at    config.Pos // of paths
	sort  bool
}

// Declare declares the keys.
func (f *fileSettings) Declare(s *config.Section) {
	f.at = s.Pos("paths")
	s.Strings("paths", &f.paths, nil, "Files or patterns, read in name order; .gz and .zst by name.").Required().NonEmpty()
	s.Bool("sort", &f.sort, false, "Order the events of all files by event time first (bounded files, held in memory).")
}

func (c *sourceSettings) declare(s *config.Section, base config.Time) {
	c.transport = s.ExactlyOne("transport", transports...)
	s.Optional("kafka", &c.kafka, "Kafka topics as transport.")
	s.Optional("file", &c.file, "Files as transport.")
	s.Optional("generator", &c.generator, "A synthetic world as transport.")
	s.Section("decode", config.Func(func(s *config.Section) {
		c.decoder = s.ExactlyOne("decoder", decoders...)
		s.Optional("segment", &c.segment, "JSON of Segment, RudderStack and compatible trackers.")
		s.Optional("ga4", &c.ga4, "JSON of GA4: BigQuery export and Measurement Protocol.")
		s.Optional("mapping", &c.mapping, "Flat csv or JSON by a table of fields.")
	}), "How records are decoded.")
	s.Pairs("defaults", &c.defaults, "Fills fields that an event lacks.")
	for _, p := range c.defaults {
		if _, err := defaultOf(p); err != nil {
			s.Fault("defaults", "%s", err)
		}
	}
	c.time.Override(s, base)
	s.Bool("advisory", &c.advisory, false, "Does not hold back the watermark: for what comes in batches.")
	var start string
	s.String("start", &start, "", "Where reading starts without a state, as kafka.start; it goes before that.")
	if start != "" {
		var err error
		if c.kafka.Start, err = kafkaconn.ParseStart(start); err != nil {
			s.Fault("start", "%s", err)
		}
	}
	s.Size("max_record", &c.maxRecord, "1MiB", "A larger record is a dead letter.").Positive().Max(64 << 20)
}

var (
	transports = []string{"kafka", "file", "generator"}
	decoders   = []string{"segment", "ga4", "mapping"}
)

// identifier names an identifier that the source maps, "" if there is none.
func (c *sourceSettings) identifier() string {
	for _, p := range c.defaults {
		if isIdentifier(p.Name) {
			return p.Name
		}
	}
	if c.decoder != "mapping" {
		return "identifiers"
	}
	for _, f := range c.mapping.Fields {
		if isIdentifier(f.Name) {
			return f.Name
		}
	}
	return ""
}

func isIdentifier(field string) bool {
	c, ok := event.ColumnByName(field)
	return ok && slices.Contains(event.IdentColumns[:], c)
}

// operatorSettings are the operators; those that are named are not nil.
type operatorSettings struct {
	sessions    *sessions.Config
	ropo        *ropo.Config
	abandonment *abandonment.Config
	crowd       *crowd.Config
	crowdPos    config.Pos
	windows     []*window.Config
	windowPos   []config.Pos
}

// Declare declares the keys.
func (c *operatorSettings) Declare(s *config.Section) {
	optional(s, "sessions", &c.sessions, &sessions.Config{}, "Visits of devices.")
	optional(s, "ropo", &c.ropo, &ropo.Config{}, "Research before purchases.")
	optional(s, "abandonment", &c.abandonment, &abandonment.Config{}, "Carts, checkouts, pages and forms that were left.")
	optional(s, "crowd", &c.crowd, &crowd.Config{}, "People in zones, density and flows.")
	c.crowdPos = s.Pos("crowd")
	s.Map("windows", "Aggregates over windows; each makes the table window_<name>.", func(name string, s *config.Section) {
		w := &window.Config{Name: name}
		w.Declare(s)
		c.windows, c.windowPos = append(c.windows, w), append(c.windowPos, s.Pos())
	})
}

// optional sets the target when the section is there.
func optional[T any, P interface {
	*T
	config.Declarer
}](s *config.Section, key string, target *P, value P, doc string) {
	if s.Optional(key, value, doc) {
		*target = value
	}
}

// sinkSettings is one sink.
type sinkSettings struct {
	name       string
	pos        config.Pos
	kind       string
	clickhouse clickhouse.Config
	kafka      sinkkafka.Config
	file       sinkfile.Config
	stdout     stdout.Config
	ttl        map[string]int64 // ms, by table
	cluster    string
	replicated bool
	tables     []string
	has        bool // tables were named
	at         config.Pos
}

func (c *sinkSettings) declare(s *config.Section) {
	c.kind = s.ExactlyOne("sink", sinkKinds...)
	s.Strings("tables", &c.tables, nil, "Tables that it takes; left out: all.")
	c.has, c.at = s.Has("tables"), s.Pos("tables")
	s.Optional("clickhouse", &c.clickhouse, "Tables in ClickHouse.")
	s.Optional("kafka", &c.kafka, "Triggers and dead letters as messages.")
	s.Optional("file", &c.file, "Files, one per table.")
	s.Values("ttl", "duration", "How long ClickHouse keeps the rows of a table.", func(table string, v *config.Value) {
		if ms, ok := v.Duration(); ok {
			if c.ttl == nil {
				c.ttl = map[string]int64{}
			}
			c.ttl[table] = ms
		}
	})
	s.String("cluster", &c.cluster, "", "ClickHouse cluster on which tables are made; as clickhouse.cluster.")
	s.Bool("replicated", &c.replicated, false, "Replicated tables; as clickhouse.replicated.")
	s.Optional("stdout", &c.stdout, "Lines on standard output.")
	if len(c.stdout.Tables) > 0 {
		c.tables, c.has, c.at = c.stdout.Tables, true, s.Pos("stdout")
	}
}

var sinkKinds = []string{"clickhouse", "kafka", "file", "stdout"}
