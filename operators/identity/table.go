package identity

import "touchstream/pipeline/schema"

// The tables of profiles.
var (
	Identities = &schema.Table{
		Name: "identities",
		Doc:  "Which identifier belongs to which profile: a row at first sight, move and merge; last_seen at most daily.",
		Columns: []schema.Column{
			{Name: "profile_id", Type: schema.Text, Doc: "Profile that the identifier belongs to."},
			{Name: "kind", Type: schema.LowText, Doc: "user_id, loyalty_id, email, phone, payment_token, anonymous_id or device_id."},
			{Name: "value", Type: schema.Text, Doc: "Raw for user_id, loyalty_id and device_id, else the keyed hash."},
			{Name: "first_seen", Type: schema.Time, Doc: "Earliest event with it."},
			{Name: "last_seen", Type: schema.Time, Doc: "Latest event with it, at most a day old when it was written."},
			{Name: "revision", Type: schema.Int, Doc: "Rises from 1; the highest counts."},
		},
		ID: []string{"kind", "value"}, Revisable: true, Profiles: []string{"profile_id"},
	}
	Merges = &schema.Table{
		Name: "identity_merges",
		Doc:  "Every merge of two profiles.",
		Columns: []schema.Column{
			{Name: "at", Type: schema.Time, Doc: "Time of the event that linked them."},
			{Name: "from_profile_id", Type: schema.Text, Doc: "Profile that vanished."},
			{Name: "to_profile_id", Type: schema.Text, Doc: "Profile that goes on."},
			{Name: "cause", Type: schema.LowText, Doc: "Kind of the weaker identifier of the link."},
			{Name: "message_id", Type: schema.Text, Doc: "Message that linked them."},
		},
		ID: []string{"at", "from_profile_id", "message_id"}, Partition: "at",
	}
	Overrides = &schema.Table{
		Name: "identity_overrides",
		Doc:  "Where a merged profile lives on; views apply it.",
		Columns: []schema.Column{
			{Name: "profile_id", Type: schema.Text, Doc: "Profile that was merged."},
			{Name: "current_profile_id", Type: schema.Text, Doc: "Profile that goes on."},
			{Name: "revision", Type: schema.Int, Doc: "Rises from 1; the highest counts."},
		},
		ID: []string{"profile_id"}, Revisable: true,
	}
	Conflicts = &schema.Table{
		Name: "identity_conflicts",
		Doc:  "Links that were not made.",
		Columns: []schema.Column{
			{Name: "at", Type: schema.Time, Doc: "Time of the event."},
			{Name: "profile_id", Type: schema.Text, Doc: "Profile of the event."},
			{Name: "other_profile_id", Type: schema.Text, Doc: "Profile of the weaker identifier before."},
			{Name: "kind", Type: schema.LowText, Doc: "Kind of the weaker identifier."},
			{Name: "message_id", Type: schema.Text, Doc: "Message that carried both."},
			{Name: "rule", Type: schema.LowText, Doc: "moved, kept_newer or shared."},
		},
		ID: []string{"at", "profile_id", "kind", "message_id"}, Partition: "at",
	}
)

// Indices of the tables in a turn.
const (
	outIdentities = iota
	outMerges
	outOverrides
	outConflicts
)

// Tables are the resolver's tables in the order of its outputs.
func Tables() []*schema.Table { return []*schema.Table{Identities, Merges, Overrides, Conflicts} }
