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
//   - "Newer login" is judged by event time: the weaker identifier moves when the
//     event is not older than the one that put it where it is (rule moved), else
//     it stays (rule kept_newer). Both are rows in identity_conflicts.
//   - An identifier that becomes shared gets a profile of its own from then on
//     (rule shared), so that what an anonymous visitor does on a store tablet is
//     not counted for whoever logged in last.
//   - References (order_id, call_id, case_id, shipment_id) are asked in this
//     order; the first known one decides.
//   - A provisional profile that meets its real one leaves no row in
//     identity_merges: it was shown as none.
//
// Memory: identifiers up to a cap, those not seen for longest go first;
// references for 90 days up to a cap.
package identity
