// Package identity finds the profile of every event (semantics §3).
//
// An event that carries two identifiers links them; profiles are the connected
// sets. The resolver runs alone, in log order, so a profile is known on arrival.
//
// Choices where the contract leaves them open:
//
//   - The event belongs to the profile of its strongest identifier that is not
//     shared; when all are shared, to that of the strongest.
//   - A brand-new stronger identifier joins the profile of a weaker one that the
//     event carries, unless that profile has another user_id.
//   - "Newer login" is judged by event time: the weaker identifier moves unless
//     the event is older than the newest one that carried it beside a stronger
//     identifier of the profile where it is (rule moved, else kept_newer). Both
//     are rows in identity_conflicts. This also holds for an event without
//     user_id whose identifiers belong to two people.
//   - An identifier that becomes shared gets a profile of its own from then on
//     (rule shared), so that what an anonymous visitor does on a store tablet is
//     not counted for whoever logged in last. The user_ids that count are those
//     of the events that carry it.
//   - Of several references (order_id, call_id, case_id, shipment_id, asked in
//     this order) the first that is known decides, a real profile before a
//     provisional one. A reference is kept for so long after its last mention.
//   - Custom events named "Shipment …" or "Pickup …" continue something, too.
//   - A provisional profile that meets its real one leaves no row in
//     identity_merges: it was shown as none.
//
// Memory: identifiers up to a cap, those not seen for longest go first;
// references for 90 days up to a cap. A profile lives as long as one of either
// leads to it, and the profiles merged into it as long as it does. An identifier
// that comes back after it was evicted is a new one; the revisions of its rows
// go on above all that were evicted.
package identity
