package killpoint

// Variable is the environment variable that arms a place.
const Variable = "TOUCHSTREAM_KILL"

// Label names a place that the process passes.
type Label string

// The places, before and after each thing that recovery must tell apart.
const (
	FetchBefore       Label = "fetch.before"
	FetchAfter        Label = "fetch.after"
	FoldBefore        Label = "fold.before"
	FoldAfter         Label = "fold.after"
	JournalBefore     Label = "journal.before"
	JournalAfter      Label = "journal.after"
	CommitBefore      Label = "commit.before" // of a Kafka transaction
	CommitAfter       Label = "commit.after"
	InsertBefore      Label = "insert.before" // of a block into ClickHouse
	InsertAfter       Label = "insert.after"
	AcknowledgeBefore Label = "acknowledge.before" // noting that a block is delivered
	AcknowledgeAfter  Label = "acknowledge.after"
	SnapshotBefore    Label = "snapshot.before" // writing a snapshot under its temporary name
	SnapshotAfter     Label = "snapshot.after"
	RenameBefore      Label = "rename.before" // giving a snapshot its name
	RenameAfter       Label = "rename.after"
)

// Labels are all places, in the order in which a step passes them.
func Labels() []Label {
	return []Label{
		FetchBefore, FetchAfter, FoldBefore, FoldAfter, JournalBefore, JournalAfter, CommitBefore, CommitAfter,
		InsertBefore, InsertAfter, AcknowledgeBefore, AcknowledgeAfter, SnapshotBefore, SnapshotAfter, RenameBefore, RenameAfter,
	}
}
