// Package prefetch holds records of a log's partitions between those who fetch
// them and the one who reads them.
//
// Fetchers put blocks of records; Read hands them over in order, a whole block
// by its memory, without a copy of a value. Each partition
// has a share of the buffer: a fetcher asks Wanted before it fetches, so one
// that nobody reads holds no more than its share and one fetch, and blocks no
// other. The package knows no protocol.
//
// In a bounded run each partition has an end. Read then says Ended with the
// last record, never after it, whatever the fetches were: two runs over the
// same log see the same. For that it holds the newest record back until it is
// known whether another one follows.
package prefetch
