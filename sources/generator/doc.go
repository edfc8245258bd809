// Package generator makes a synthetic omnichannel world: customers with
// several devices, a loyalty card and habits, who browse, leave carts, visit
// stores, buy at tills and online, call, and wait for parcels. Everything they
// do leaves as Segment-spec JSON records, one event per record.
//
// # How it works
//
// The world is planned day by day. Each day an idle customer may begin a
// story (browse, buy online, leave a cart, research and buy in a store, try in
// a store and buy online, visit, call, …). A story is a few scenes at fixed
// times, hours or days apart; a scene is expanded into its events when its
// time comes and the scenes are merged in event-time order. What is held in
// memory is a small record per customer, the scenes still to come and the
// events of the scenes under way.
//
// # Truth
//
// With a Truth the world writes down what it made true: which order was
// researched where, which cart was left and what became of it, who was in
// which zone. These rows come from the plan, not from an evaluation of the
// events. The plan keeps a safe distance from every threshold of the default
// configuration (session gap 30m, cart 1h, checkout 30m, visit, on the way 2h,
// 1 day 48h, 7 days, recovery 7d, lookback 30d), so each row has one right
// answer, and a row that has none says `ambiguous`. The rules that make this
// hold:
//   - A customer lives one story at a time; scenes of one device are more than
//     an hour apart and the events inside a scene less than 20 minutes.
//   - A story deals with a category that the customer has not touched for 31
//     days, through any channel, so that no order matches another story.
//   - After a cart that is left for good the customer orders nothing for eight
//     days.
//   - Whether a device is known to belong to the customer is fixed by habit: a
//     device is logged in at first, at the end of the story that needs it, or
//     never. The expected columns of the truth say what can be known from
//     those links, the true ones what the customer did.
//   - A story is begun only if its last scene lies inside the world's days.
//
// # Noise
//
// Disorder, late phones, duplicates and bad records are added when a record
// leaves. They do not change the world: bad records and duplicates are extra,
// and only screen views in the middle of a session can be so late that a
// session cannot take them (counted apart in the truth).
//
// # Going on
//
// Equal options give equal records, so a source goes on by living through what
// is done: about half a million records a second.
package generator
