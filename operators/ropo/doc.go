// Package ropo tells which purchase was researched elsewhere (semantics §6):
// research online, purchase offline, and showrooming, the reverse.
//
// Each profile remembers its newest touches and its orders within the lookback.
// A touch joins the aggregates of the orders behind it, one set per match level;
// late touches and links only add to them. One row stands for one (order,
// product); lines of one product are summed, so an order that comes line by line
// raises the revision of its rows.
//
// Choices where the contract leaves them open:
//
//   - Only touches of the other world match: online ones for an order in a store,
//     offline ones for an order online, click & collect included.
//   - A touch of a zone with several categories is one touch per category.
//   - Touch days are UTC days.
//   - An order without order_id takes its message id as one.
//   - A refund that names products lowers their lines; one with an amount alone is
//     spread over the lines by revenue, the remainder to the last; one with neither
//     refunds what is left. Order Cancelled refunds everything. A refund may come
//     before its order.
//   - Sightings that begin a visit are Sensor Seen, Tag Read and zone events; the
//     last 16 visit starts of a profile are remembered.
//   - is_capped: a touch within the order's lookback had already been given up.
package ropo
