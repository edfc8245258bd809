package main

import (
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"touchstream/operators/abandonment"
	"touchstream/operators/crowd"
	"touchstream/operators/identity"
	"touchstream/operators/ropo"
	"touchstream/operators/sessions"
	"touchstream/operators/window"
	"touchstream/pipeline"
	"touchstream/pipeline/config"
	"touchstream/pipeline/event"
	"touchstream/pipeline/kafkaconn"
	"touchstream/pipeline/schema"
	"touchstream/pipeline/venue"
	"touchstream/sinks/arrow"
	"touchstream/sinks/clickhouse"
	sinkfile "touchstream/sinks/file"
	sinkkafka "touchstream/sinks/kafka"
	"touchstream/sinks/stdout"
	"touchstream/sources/decode/ga4"
	"touchstream/sources/decode/mapping"
	"touchstream/sources/decode/segment"
	"touchstream/sources/file"
	"touchstream/sources/generator"
	"touchstream/sources/kafka"
	"touchstream/sources/kafkago"
)

// buildOptions are what the command line adds to a configuration.
type buildOptions struct {
	bounded bool
	publish bool // bounded runs send to Kafka too
	keep    bool // bounded runs keep the state
	files   bool // files that are not there are faults
}

// built is a configuration turned into a pipeline, not yet opened.
type built struct {
	settings *settings
	file     *config.File
	pipeline pipeline.Config
	venue    *venue.Venue
	ledger   *sinkkafka.Ledger // nil without Kafka, or when no state is kept
	tables   []*schema.Table
	faults   config.Faults
}

// load reads a configuration file and builds its pipeline. All faults are
// reported at once.
func load(path string, o buildOptions) (*built, error) {
	f, err := config.Load(path, os.LookupEnv)
	if err != nil {
		return nil, err
	}
	return build(f, o)
}

func build(f *config.File, o buildOptions) (*built, error) {
	b := &built{settings: &settings{}, file: f}
	if err := b.note(f.Read(b.settings)); err != nil {
		return nil, err
	}
	s := b.settings
	if s.Venue != "" {
		v, err := venue.Load(s.Venue, os.LookupEnv)
		if err := b.note(named(err, s.VenueAt)); err != nil {
			return nil, err
		}
		b.venue = v
	}
	b.pipeline = pipeline.Config{
		Name: s.Name, Shards: s.Shards, Lanes: s.Lanes, Bounded: o.bounded,
		MaxRecords: s.Step.MaxRecords, MaxWait: s.Step.MaxWaitMs, Fast: s.Delivery == "fast",
		CommitEvery: s.CommitIntervalMs, StopWithin: stopWithinMs,
		DedupWindow: s.Dedup.WindowMs, DedupEntries: int(s.Dedup.MaxEntries),
		BufferRows: int(s.State.MemoryMaxBytes / 4 / bufferedRowBytes),
		Hasher:     event.NewHasher(s.Identity.Key.Reveal(), s.Identity.Block),
		Clock:      func() int64 { return time.Now().UnixMilli() },
		Started:    time.Now().UnixMilli(),
	}
	if b.pipeline.Lanes == 0 {
		b.pipeline.Lanes = runtime.GOMAXPROCS(0)
	}
	if b.venue != nil {
		b.pipeline.Place = crowd.Place(b.venue)
	}
	b.operators()
	b.resolver()
	b.tables = append(b.tables, pipeline.Events, pipeline.DeadLetters)
	b.sources()
	if o.keeps() {
		b.openLedger()
	}
	b.sinks(o)
	if o.files {
		b.checkFiles()
	}
	return b, b.faults.Err()
}

// keeps reports whether the run keeps its state.
func (o *buildOptions) keeps() bool { return !o.bounded || o.keep }

const (
	// stopWithinMs is how long a stop may take to deliver.
	stopWithinMs = 9_000
	// bufferedRowBytes is about what a row takes that waits for the watermark.
	bufferedRowBytes = 512
	// identifierBytes is about what an identifier takes in the resolver.
	identifierBytes = 160
)

// operators makes the operators that are named.
func (b *built) operators() {
	if !b.clean("operators") {
		return
	}
	s := b.settings
	add := func(op pipeline.Operator) {
		b.pipeline.Operators = append(b.pipeline.Operators, op)
		b.tables = append(b.tables, op.Spec().Tables...)
	}
	if c := s.operators.sessions; c != nil {
		add(sessions.New(*c, sessions.Env{Shards: s.Shards, AllowedLateness: s.lateness(),
			EventsPerMinuteMax: int64(s.Bots.MaxEventsPerMinute)}))
	}
	if c := s.operators.ropo; c != nil {
		add(ropo.New(*c, s.Shards, b.venue))
	}
	if c := s.operators.abandonment; c != nil {
		add(abandonment.New(*c, s.Shards))
	}
	if c := s.operators.crowd; c != nil {
		b.checkFrom(c.From)
		add(crowd.New(*c, s.Shards, b.venue))
	}
	for i, c := range s.operators.windows {
		op, err := window.New(*c, window.Env{Hasher: b.pipeline.Hasher, Shards: s.Shards, AllowedLateness: s.lateness()})
		if err != nil {
			b.fault(s.operators.windowPos[i], "%s", err)
			continue
		}
		add(op)
	}
}

// checkFrom reports names in crowd.from that are no sources.
func (b *built) checkFrom(names []string) {
	at := b.settings.operators.crowdPos
	at.Path += ".from"
	var known []string
	for _, src := range b.settings.sources {
		known = append(known, src.name)
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			b.fault(at, "%s is no source; the sources are %s", name, strings.Join(known, ", "))
		}
	}
}

// lateness is the largest allowed lateness of any source.
func (c *settings) lateness() int64 {
	longest := int64(0)
	for _, src := range c.sources {
		longest = max(longest, src.time.AllowedLatenessMs)
	}
	return longest
}

func (b *built) resolver() {
	s := b.settings
	options := identity.Options{
		MaxLinks: s.Identity.MaxLinks, SharedDevices: s.Identity.SharedDevices,
		MaxIdentifiers: int(s.State.MemoryMaxBytes / 4 / identifierBytes), MaxReferences: referencesMax,
		ReferenceKept: referenceKeptMs, Hasher: b.pipeline.Hasher,
	}
	b.pipeline.NewResolver = func() pipeline.Resolver { return identity.New(options) }
	b.tables = append(b.tables, identity.Tables()...)
	b.tables = append(b.tables, pipeline.Triggers)
}

// References are remembered 90 d, 20 million of them.
const (
	referencesMax   = 20_000_000
	referenceKeptMs = 90 * 86_400_000
)

func (b *built) sources() {
	for _, c := range b.settings.sources {
		if !b.clean("sources." + c.name) {
			continue
		}
		src := pipeline.SourceConfig{
			Name: c.name, Advisory: c.advisory, MaxRecord: c.maxRecord, Sort: c.transport == "file" && c.file.sort,
			OutOfOrderness: c.time.MaxOutOfOrdernessMs, IdleAfter: c.time.IdleAfterMs,
			AllowedLateness: c.time.AllowedLatenessMs, MaxSkew: c.time.MaxSkewMs, FutureMax: c.time.MaxFutureMs,
			Bots: append(append([]string{}, event.KnownBots...), lower(b.settings.Bots.UserAgents)...),
		}
		if op := b.settings.operators.crowd; op != nil {
			src.CrowdFrom = slices.Contains(op.From, c.name)
		}
		for _, p := range c.defaults {
			if d, err := defaultOf(p); err == nil {
				src.Defaults = append(src.Defaults, d)
			}
		}
		b.transport(c, &src)
		b.decoder(c, &src)
		b.pipeline.Sources = append(b.pipeline.Sources, src)
	}
}

func lower(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = strings.ToLower(s)
	}
	return out
}

// kafkaSink sends in the journal's transactions, or by itself when no state is
// kept.
func (b *built) kafkaSink(c *sinkSettings) pipeline.Sink {
	c.kafka.Name, c.kafka.Fast = b.settings.Name, b.pipeline.Fast
	var sink *sinkkafka.Sink
	var err error
	if b.ledger == nil {
		sink, err = sinkkafka.New(&c.kafka)
	} else {
		sink, err = sinkkafka.NewInLedger(&c.kafka, b.ledger)
	}
	if err != nil {
		b.fault(c.pos, "%s", err)
	}
	return sink
}

func (b *built) transport(c *sourceSettings, src *pipeline.SourceConfig) {
	switch c.transport {
	case "kafka":
		c.kafka.Group = b.settings.Name
		source, err := kafkaSource(&c.kafka)
		if err != nil {
			b.fault(c.pos, "%s", err)
		}
		src.Source = source
	case "file":
		src.Source = file.New(file.Options{Dir: b.file.Dir(), Patterns: c.file.paths, Format: c.format(), MaxRecord: c.maxRecord})
	case "generator":
		src.Source = generator.NewSource(c.generator)
	}
}

func kafkaSource(c *kafkaconn.Input) (pipeline.Source, error) {
	if c.Driver == kafkaconn.KafkaGo {
		return kafkago.New(c)
	}
	return kafka.New(c)
}

// format is how the source's files are cut into records.
func (c *sourceSettings) format() file.Format {
	if c.decoder == "mapping" && c.mapping.IsCSV() {
		return file.Format{CSV: true, Delimiter: c.mapping.Comma(), Header: c.mapping.Header}
	}
	return file.Format{}
}

func (b *built) decoder(c *sourceSettings, src *pipeline.SourceConfig) {
	var err error
	switch c.decoder {
	case "segment":
		src.NewDecoder = segment.New(c.segment)
	case "ga4":
		src.NewDecoder = ga4.New(c.ga4)
	case "mapping":
		for _, p := range c.defaults {
			if column, ok := event.ColumnByName(p.Name); ok {
				c.mapping.Defaulted.Add(column)
			}
		}
		src.NewDecoder, err = mapping.New(c.mapping)
	}
	if err != nil {
		b.fault(c.pos, "%s", err)
	}
}

func (b *built) sinks(o buildOptions) {
	for _, c := range b.settings.sinks {
		if !b.clean("sinks."+c.name) || c.kind == "kafka" && o.bounded && !o.publish {
			continue
		}
		tables := b.sinkTables(c)
		b.pipeline.Sinks = append(b.pipeline.Sinks, pipeline.SinkConfig{Name: c.name, Tables: tables, Sink: b.sink(c)})
	}
}

// sinkTables are the tables that a sink names, or all. Which tables there are
// is only known of operators without faults.
func (b *built) sinkTables(c *sinkSettings) []*schema.Table {
	if c.kind == "kafka" {
		return c.kafka.Tables()
	}
	if !c.has || !b.clean("operators") {
		return b.tables
	}
	var out []*schema.Table
	for _, name := range c.tables {
		found := false
		for _, t := range b.tables {
			if t.Name == name {
				out, found = append(out, t), true
			}
		}
		if !found {
			b.fault(c.at, "%s is no table of this pipeline; its tables are %s", name, strings.Join(b.tableNames(), ", "))
		}
	}
	return out
}

func (b *built) tableNames() []string {
	var names []string
	for _, t := range b.tables {
		names = append(names, t.Name)
	}
	return names
}

func (b *built) sink(c *sinkSettings) pipeline.Sink {
	switch c.kind {
	case "clickhouse":
		c.clickhouse.TTLMs = c.ttl
		c.clickhouse.SpoolMaxBytes = b.settings.State.SpoolMaxBytes
		if err := clickhouse.CheckTTL(c.ttl, b.tables); err != nil && b.clean("operators") {
			b.fault(c.pos, "ttl: %s", err)
		}
		if c.cluster != "" {
			c.clickhouse.Cluster = c.cluster
		}
		c.clickhouse.Replicated = c.clickhouse.Replicated || c.replicated
		return clickhouse.New(c.clickhouse)
	case "kafka":
		return b.kafkaSink(c)
	case "file":
		if c.file.Format == arrow.Parquet || c.file.Format == arrow.IPC {
			return arrow.New(arrow.Config{Dir: c.file.Dir, Format: c.file.Format, Roll: arrow.Limits(c.file.Roll)})
		}
		return sinkfile.New(c.file)
	case "stdout":
		return stdout.New(c.stdout)
	}
	return nil
}
