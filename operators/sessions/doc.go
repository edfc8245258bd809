// Package sessions cuts the events of each device into visits: semantics §4.
//
// The key is the device; a session ends after gap without an event and is cut
// at max_duration. Rows leave at the session's close, with early also
// meanwhile; late events correct them while mark <= event time + gap +
// allowed_lateness. A correction that changes the earliest event, or joins two
// sessions, leaves a tombstone for the id that no longer exists.
//
// Where the semantics are silent:
//
//   - Of two events at one instant the one that was folded first comes first;
//     a late event comes after those before it.
//   - A late event that bridges two sessions which together would reach
//     max_duration joins the earlier one, if that can take it, else the later
//     one, else it is a session of its own; all of these are is_cut.
//   - profile_id is that of the last event with a user_id or loyalty_id, else
//     of the last event with a profile.
//   - A system event belongs to the session that is open at its time for what
//     concerns profile_id and is_shared.
//   - adds are Product Added and Wishlist Product Added to Cart, page_views are
//     page and screen, searches are Products Searched.
//   - distinct_products are those that the events name, items included.
//   - engaged_ms of a late event: its distance behind the session's end, if it
//     is behind it; of merged sessions: also the gap between them.
//   - currency is that of the earliest order or cart change with a price that
//     names one; amounts without a currency count as being in it.
//   - The rate cap looks at the newest minute of a session; late events of
//     older minutes are not counted there.
//   - is_new_visitor is forgotten with the device: new_after after its last
//     event, or when max_devices is reached, the device unseen for longest
//     first. Over max_sessions the session that would close first is closed
//     early. Both count as evicted.
//
// State of a device is one table entry that outlives its sessions by
// new_after; a session is one slab entry with texts, products and orders in an
// arena. A session is remembered for 2 × gap + allowed_lateness after its end:
// the latest event that can join it comes gap after its end.
package sessions
