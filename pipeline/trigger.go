package pipeline

import (
	"encoding/binary"

	"touchstream/pipeline/event"
	"touchstream/pipeline/schema"
)

// Triggers is the table of triggers; rows with an empty suppressed_by are
// messages of the trigger topic as well.
var Triggers = &schema.Table{
	Name: "triggers",
	Doc:  "One row per decision: triggers sent, and those that were suppressed with their reason.",
	Columns: []schema.Column{
		{Name: "trigger_id", Type: schema.Text, Doc: "Hash of kind, rule version, subject, entity and due time: equal after any crash, replay or rescale. Also the CloudEvents id."},
		{Name: "trigger", Type: schema.LowText, Doc: "Kind, such as abandonment.fired."},
		{Name: "purpose", Type: schema.LowText, Doc: "service, staff or marketing."},
		{Name: "subject", Type: schema.Text, Doc: "Profile, else zone, phrase or entity; the message key."},
		{Name: "profile_id", Type: schema.Text, Doc: "Profile that it is about; empty for places."},
		{Name: "user_id", Type: schema.Text, Doc: "Raw user id of the profile, to address it."},
		{Name: "loyalty_id", Type: schema.Text, Doc: "Raw loyalty id of the profile, to address it."},
		{Name: "device_id", Type: schema.Text, Doc: "Raw device id of the profile, to address it."},
		{Name: "via", Type: schema.LowText, Doc: "Channel chosen for sending."},
		{Name: "entity", Type: schema.Text, Doc: "What the trigger is about: an abandonment, a zone."},
		{Name: "reason", Type: schema.Text, Doc: "A sentence on why it fired."},
		{Name: "occurred_at", Type: schema.Time, Doc: "Event time of the cause."},
		{Name: "due_at", Type: schema.Time, Doc: "Event time at which it was due."},
		{Name: "decided_at", Type: schema.Time, Doc: "Event time of the decision."},
		{Name: "expires_at", Type: schema.Time, Nullable: true, Doc: "Acting later makes no sense."},
		{Name: "suppressed_by", Type: schema.LowText, Doc: "Why it was not sent; empty if it was."},
		{Name: "causation_id", Type: schema.Text, Doc: "Message or trigger that caused it."},
		{Name: "payload", Type: schema.Text, Doc: "JSON with the facts that a message needs."},
		{Name: "revision", Type: schema.Int, Doc: "Always 1: decisions are not revised."},
	},
	ID:        []string{"trigger_id"},
	Partition: "due_at",
	Profiles:  []string{"profile_id"},
}

// Trigger is one trigger. Texts are copied. The addresses (UserID, LoyaltyID,
// DeviceID) are filled from the profile, as known when the trigger leaves, when
// all are empty.
type Trigger struct {
	Kind      string // such as abandonment.fired
	Purpose   string // service, staff or marketing
	Subject   []byte
	Profile   event.Hash
	UserID    []byte
	LoyaltyID []byte
	DeviceID  []byte
	Entity    []byte
	Reason    string
	Occurred  int64
	Due       int64
	Decided   int64
	Expires   int64 // event.Absent: never
	Causation []byte
	Payload   []byte // a JSON object
}

// Trigger emits a trigger row.
func (t *Turn) Trigger(g *Trigger) {
	if !g.Profile.IsZero() && t.Address != nil && len(g.UserID)+len(g.LoyaltyID)+len(g.DeviceID) == 0 {
		g.UserID, g.LoyaltyID, g.DeviceID = t.Address(g.Profile)
	}
	key := make([]byte, 0, 128)
	for _, part := range [][]byte{[]byte(g.Kind), nil, g.Subject, g.Entity} {
		key = binary.BigEndian.AppendUint32(key, uint32(len(part)))
		key = append(key, part...)
	}
	key = binary.BigEndian.AppendUint64(key, uint64(g.Due))
	id := t.Hasher.Sum(event.TagTrigger, key)
	var hex [32]byte
	r := t.triggers
	r.Begin()
	r.Text(id.AppendHex(hex[:0]))
	r.String(g.Kind)
	r.String(g.Purpose)
	r.Text(g.Subject)
	r.Text(g.Profile.AppendHex(hex[:0]))
	r.Text(g.UserID)
	r.Text(g.LoyaltyID)
	r.Text(g.DeviceID)
	r.String("")
	r.Text(g.Entity)
	r.String(g.Reason)
	r.Time(g.Occurred)
	r.Time(g.Due)
	r.Time(g.Decided)
	r.Time(g.Expires)
	r.String("")
	r.Text(g.Causation)
	r.Text(g.Payload)
	r.Int(1)
	r.End()
}
