package event

// Rec is one raw record of a chunk.
type Rec struct {
	Off, Len  uint32 // in Chunk.Data
	Offset    int64  // Kafka offset; for files the physical line from 1
	Timestamp int64  // record timestamp in ms; for files Absent
	Size      int64  // the whole length of a record that the source cut, else 0
}

// Chunk is a unit of decoding: raw records of one origin, in log order.
type Chunk struct {
	Origin Origin
	// OriginIndex is the origin's index in the pipeline, set by the engine.
	OriginIndex uint32
	// Header is the header line of the file that a csv chunk comes from.
	Header []byte
	Data   []byte
	Recs   []Rec
	// First is the number of the first record: in a part of a chunk it is not 0.
	First uint32
	// At is the time of records without a timestamp in dead letters: the
	// file's modification time, ms.
	At int64
}

// Reset empties the chunk and keeps its memory.
func (c *Chunk) Reset() {
	c.Header, c.Data, c.Recs = c.Header[:0], c.Data[:0], c.Recs[:0]
	c.Origin, c.OriginIndex, c.First, c.At = Origin{}, 0, 0, Absent
}

// Add appends a record, copying its bytes.
func (c *Chunk) Add(value []byte, offset, timestamp int64) {
	c.Recs = append(c.Recs, Rec{Off: uint32(len(c.Data)), Len: uint32(len(value)), Offset: offset, Timestamp: timestamp})
	c.Data = append(c.Data, value...)
}

// Append adds the records of another chunk of the same origin behind these.
func (c *Chunk) Append(o *Chunk) {
	shift := uint32(len(c.Data))
	c.Data = append(c.Data, o.Data...)
	for _, r := range o.Recs {
		r.Off += shift
		c.Recs = append(c.Recs, r)
	}
}

// PartRecords are decoded and finished before the next ones, while their bytes
// and columns are in the processor's cache: a whole chunk does not fit there.
const PartRecords = 256

// Part lets part be at most n records of the chunk, without a copy, and gives
// the index of the record behind them.
func (c *Chunk) Part(part *Chunk, from, n int) (next int) {
	next = min(from+n, len(c.Recs))
	*part = *c
	part.Recs, part.First = c.Recs[from:next:next], c.First+uint32(from)
	return next
}

// Extent is where in Data the records lie.
func (c *Chunk) Extent() (from, to int) {
	from = len(c.Data)
	for _, r := range c.Recs {
		from, to = min(from, int(r.Off)), max(to, int(r.Off+r.Len))
	}
	return from, max(from, to)
}

// Value gives the bytes of a record.
func (c *Chunk) Value(i int) []byte {
	r := c.Recs[i]
	return c.Data[r.Off : r.Off+r.Len : r.Off+r.Len]
}

// A Decoder turns a chunk's records into rows of a batch. It is used by one
// goroutine at a time.
//
// Decode is called for the parts of a chunk one after another, the first time
// with a reset batch. Its arena already holds the chunk's data at the same
// offsets, so that texts may refer to it; unescaped or composed texts are
// appended with Put. For each event it adds a row, fills Event (the name's
// text), EventTime and the wanted columns as raw text and numbers, and sets
// Record (from First on) and Element; it sets neither hashes nor Name.
// What cannot be decoded becomes a Fault, never a panic.
type Decoder interface {
	Decode(c *Chunk, b *Batch)
}

// ReasonCode says why a record or event is a dead letter.
type ReasonCode uint8

// The reasons, as they stand in dead_letters.
const (
	Malformed ReasonCode = iota
	MissingField
	BadValue
	BadTime
	FutureTime
	Late
	TooLarge
	UnknownSchema
	numReasons
)

// NumReasons is the number of reasons.
const NumReasons = int(numReasons)

// String is the stable code.
func (r ReasonCode) String() string {
	return [NumReasons]string{"malformed", "missing_field", "bad_value", "bad_time", "future_time", "late", "too_large", "unknown_schema"}[r]
}

// Fault is a record, or one event of it, that becomes a dead letter.
type Fault struct {
	Record  uint32
	Element int32
	Code    ReasonCode
	Detail  string // a sentence
}

// Fail records a fault of a record's event.
func (b *Batch) Fail(record uint32, element int32, code ReasonCode, detail string) {
	b.Faults = append(b.Faults, Fault{record, element, code, detail})
}
