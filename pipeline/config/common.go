package config

import "regexp"

// Common are the keys of a configuration that belong to no source, operator or
// sink.
type Common struct {
	Name    string // prefix of consumer group, transactional id, topics, tokens
	Shards  int
	Lanes   int // 0: one per core
	Venue   string
	VenueAt Pos // where venue stands

	Time     Time
	State    State
	Identity Identity
	Dedup    Dedup
	Bots     Bots
	Step     Step
	HTTP     HTTP
	Log      Log

	Delivery         string // exact | fast
	CommitIntervalMs int64
	Stage            string // all | ingest | analyze
}

var namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// Declare declares the keys.
func (c *Common) Declare(s *Section) {
	s.String("name", &c.Name, "", "Prefix of the consumer group, the transactional id, internal topics and tokens.").
		Required().Match(namePattern, "a name of letters, digits, ., _ and - (at most 100)")
	s.Int("shards", &c.Shards, 64, "Number of shards of the state, fixed for its life.").Min(1).Max(4096)
	s.Int("lanes", &c.Lanes, 0, "Parallel workers; 0: one per core.").Min(0).Max(1024)
	s.Section("time", &c.Time, "Event time and watermarks.")
	s.Section("state", &c.State, "Where state is kept and how large it may get.")
	s.Section("identity", &c.Identity, "How identifiers become profiles.")
	s.Section("dedup", &c.Dedup, "Duplicates by message id.")
	s.Section("bots", &c.Bots, "What is tagged as a bot.")
	s.Section("step", &c.Step, "How much is folded at once.")
	s.Enum("delivery", &c.Delivery, "exact", "exact: outputs leave with the commit; fast: triggers leave before it, at least once.", "exact", "fast")
	s.Duration("commit_interval", &c.CommitIntervalMs, "1s", "Time between commits.").Min(10).Max(60_000)
	s.Enum("stage", &c.Stage, "all", "What this process does.", "all", "ingest", "analyze")
	s.Path("venue", &c.Venue, "", "The file of stores, zones and sensors.")
	c.VenueAt = s.Pos("venue")
	s.Section("http", &c.HTTP, "Metrics, health and status.")
	s.Section("log", &c.Log, "Logging.")
}

// Time holds the rules of event time, in milliseconds.
type Time struct {
	MaxOutOfOrdernessMs int64
	AllowedLatenessMs   int64
	IdleAfterMs         int64
	MaxSkewMs           int64
	MaxFutureMs         int64
}

// Declare declares the keys with their defaults.
func (t *Time) Declare(s *Section) {
	t.declare(s, Time{10_000, 3_600_000, 60_000, 60_000, 86_400_000})
}

// Override declares the keys in a section that overrides some of them, such as
// a source: by themselves or below time. What is absent is as in base.
func (t *Time) Override(s *Section, base Time) {
	*t = base
	s.Optional("time", Func(func(s *Section) { t.declare(s, base) }), "Overrides of time; its keys may also stand beside it.")
	t.declare(s, *t)
}

func (t *Time) declare(s *Section, base Time) {
	s.Duration("max_out_of_orderness", &t.MaxOutOfOrdernessMs, FormatDuration(base.MaxOutOfOrdernessMs),
		"How far an event may be behind the newest one of its partition and still be in time.")
	s.Duration("allowed_lateness", &t.AllowedLatenessMs, FormatDuration(base.AllowedLatenessMs),
		"How long windows and sessions take late events after their end.")
	s.Duration("idle_after", &t.IdleAfterMs, FormatDuration(base.IdleAfterMs),
		"A partition that is read to its end and brings nothing for this long holds no watermark back.").Positive()
	s.Duration("max_skew", &t.MaxSkewMs, FormatDuration(base.MaxSkewMs),
		"A source that is this far ahead of the slowest one waits.").Positive()
	s.Duration("max_future", &t.MaxFutureMs, FormatDuration(base.MaxFutureMs),
		"An event that is this far ahead of its record's time is a bad row.").Positive()
}

// State says where state is kept.
type State struct {
	Dir             string
	Snapshots       string
	MemoryMaxBytes  int64
	SpoolMaxBytes   int64
	SnapshotEveryMs int64
}

// Declare declares the keys.
func (c *State) Declare(s *Section) {
	s.Path("dir", &c.Dir, "state", "Folder of the journal (without Kafka) and the spool.").NonEmpty()
	s.Path("snapshots", &c.Snapshots, "state/snapshots", "Folder of snapshots.").NonEmpty()
	if !s.Has("snapshots") && s.Has("dir") {
		c.Snapshots = c.Dir + "/snapshots"
		s.settingAt(s.Pos("snapshots").Path, flowText(c.Snapshots), true)
	}
	s.Duration("snapshot_every", &c.SnapshotEveryMs, "1m", "Time between snapshots; a restart replays what came after the newest one.").Min(100)
	s.Size("memory_max", &c.MemoryMaxBytes, "4GiB", "Bound of the state in memory; tables get their caps from it.").Min(64 << 20)
	s.Size("spool_max", &c.SpoolMaxBytes, "16GiB", "Bound of closed blocks that wait on disk for a sink.").Min(16 << 20)
}

// Identity says how identifiers become profiles.
type Identity struct {
	Key           Secret
	MaxLinks      int
	SharedDevices []string
	Block         []string
}

// Declare declares the keys.
func (c *Identity) Declare(s *Section) {
	s.Secret("key", &c.Key, "Secret of the keyed hash; required when an identifier is mapped.")
	s.Int("max_links", &c.MaxLinks, 5, "An identifier seen with more user ids is shared and links no more.").Min(1).Max(1000)
	s.Strings("shared_devices", &c.SharedDevices, nil, "Devices that link nothing: store tablets, tills.").NonEmptyElements()
	s.Strings("block", &c.Block, []string{"", "null", "0…0", "-1", "anonymous"},
		"Values that are no identifiers; 0…0 stands for two or more zeros, hyphens between them included; a single 0 is an identifier.")
}

// Dedup bounds the memory of message ids.
type Dedup struct {
	WindowMs   int64 // 0: off
	MaxEntries int64
}

// Declare declares the keys.
func (c *Dedup) Declare(s *Section) {
	s.Duration("window", &c.WindowMs, "1h", "An id is remembered until the watermark is this far past its event time; 0s: off.")
	s.Count("max_entries", &c.MaxEntries, "50M", "Ids remembered at most; over it the oldest go first.").Positive().Max(4_000_000_000)
}

// Bots says what is tagged as a bot.
type Bots struct {
	UserAgents         []string
	MaxEventsPerMinute int
}

// Declare declares the keys.
func (c *Bots) Declare(s *Section) {
	s.Strings("user_agents", &c.UserAgents, nil, "Parts of user agents that are bots, besides the known ones.").NonEmptyElements()
	s.Int("max_events_per_minute", &c.MaxEventsPerMinute, 600, "A session with more events in a minute is a bot's.").Min(1)
}

// Step bounds what is folded at once.
type Step struct {
	MaxRecords int
	MaxWaitMs  int64
}

// Declare declares the keys.
func (c *Step) Declare(s *Section) {
	s.Int("max_records", &c.MaxRecords, 65536, "Records of one step at most.").Min(1).Max(1 << 24)
	s.Duration("max_wait", &c.MaxWaitMs, "10ms", "How long a step waits for more records at most: less when a tenth of commit_interval, with delivery: fast 1ms, is less and steps are folded faster.").Max(60_000)
}

// HTTP says where metrics and status are served.
type HTTP struct {
	Listen string // empty: no listener
}

// Declare declares the keys.
func (c *HTTP) Declare(s *Section) {
	s.String("listen", &c.Listen, "", "Address of /metrics, /healthz, /readyz and /status; left out: no listener; port 0: any.").
		Match(regexp.MustCompile(`^$|`+Listen.String()), "an address such as 127.0.0.1:9464")
}

// Log says what is logged.
type Log struct {
	Level string
}

// Declare declares the keys.
func (c *Log) Declare(s *Section) {
	s.Enum("level", &c.Level, "info", "The least level that is logged.", "debug", "info", "warn", "error")
}
