package generator

import (
	"errors"
	"fmt"
)

// Spans of time in milliseconds.
const (
	second = int64(1000)
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour
)

// DefaultStart is 2026-03-02T00:00:00Z, a Monday.
const DefaultStart = int64(1_772_409_600_000)

// Options describe a world. The zero value of a field is taken as it is: start
// from Defaults.
type Options struct {
	// Seed fixes everything: equal options give equal bytes.
	Seed uint64
	// Customers is the number of people, at least 1.
	Customers int
	// Days is the length of the world, at least 1.
	Days int
	// Rate is the number of records per second at which the records are to be
	// written in real time, 0 as fast as possible. The world only carries it:
	// its own clock is the event time.
	Rate float64
	// DisorderMaxMS is the longest delay of a record that is out of order,
	// DisorderShare the share of such records.
	DisorderMaxMS int64
	DisorderShare float64
	// LateShare is the share of app sessions in which the phone loses its
	// network: some events arrive minutes later. One in twenty of that share of
	// screen views arrives hours later.
	LateShare float64
	// DuplicateShare is the share of records that are delivered twice with
	// equal bytes, the second up to five minutes later.
	DuplicateShare float64
	// BadShare is the share of extra records that cannot be decoded.
	BadShare float64
	// StartMS is the first instant, a midnight UTC in milliseconds.
	StartMS int64
}

// Defaults are the options of the demo's world.
func Defaults() Options {
	return Options{
		Seed: 1, Customers: 10_000, Days: 2,
		DisorderMaxMS: 5 * second, DisorderShare: 0.05, LateShare: 0.03,
		DuplicateShare: 0.005, BadShare: 0.0005, StartMS: DefaultStart,
	}
}

// Validate reports every option that is outside its bounds.
func (o Options) Validate() error {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	fault(o.Customers < 1 || o.Customers > 50_000_000, "generator: customers %d must be 1 to 50000000", o.Customers)
	fault(o.Days < 1 || o.Days > 3660, "generator: days %d must be 1 to 3660", o.Days)
	fault(!(o.Rate >= 0), "generator: rate %v must not be below 0", o.Rate)
	fault(o.DisorderMaxMS < 0 || o.DisorderMaxMS > hour, "generator: disorder of %d ms must be 0 to %d ms", o.DisorderMaxMS, hour)
	for _, s := range []struct {
		name  string
		share float64
	}{{"disorder", o.DisorderShare}, {"late", o.LateShare}, {"duplicates", o.DuplicateShare}, {"bad", o.BadShare}} {
		fault(!(s.share >= 0 && s.share <= 1), "generator: %s share %v must be 0 to 1", s.name, s.share)
	}
	fault(o.StartMS < 0 || o.StartMS%day != 0, "generator: start %d ms must be a midnight UTC since 1970", o.StartMS)
	return errors.Join(faults...)
}
