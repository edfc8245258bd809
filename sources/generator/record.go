package generator

// Topics are the names of the topics that a world writes to, in the order of
// the codes used inside. Each is also the default channel of its records; the
// channel stands in every record, too.
func Topics() []string { return topics[:] }

const (
	topicWeb = iota
	topicApp
	topicStore
	topicPOS
	topicBeacon
	topicCall
	topicParcel
	topicCRM
	numTopics
)

var topics = [numTopics]string{"web", "app", "store", "pos", "beacon", "call", "parcel", "crm"}

// Kind says what a record is meant to be.
type Kind uint8

const (
	// Event is a good record that is delivered for the first time.
	Event Kind = iota
	// Duplicate repeats the bytes of an earlier record.
	Duplicate
	// Bad cannot be decoded and is no part of the truth.
	Bad
)

// Record is one message. Key and Value belong to the record and are overwritten
// by the next call that is given the same record.
type Record struct {
	Topic string
	// TimeMS is the event's time, ArrivalMS the time at which the record is
	// delivered, not before the event.
	TimeMS, ArrivalMS int64
	// Key keeps the records of one device in one partition.
	Key   []byte
	Value []byte
	Kind  Kind
}

// A Stream makes records in the order of their arrival.
type Stream interface {
	// Next fills the record and reports whether there was one.
	Next(*Record) bool
}
