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
//   - A touch of a zone with several categories is one touch per category. A
//     fitting room is a touch by its Tag Read and Staff Scan events and by the
//     categories that its zone has; an event or zone without any product or
//     category only matters with match_any. Without channel, Tag Read and Staff
//     Scan are offline and other events online.
//   - Touch days are UTC days.
//   - An order without order_id takes its message id as one; a product without
//     product_id is known by its sku. A missing quantity is 1. The attributes of
//     an order are those of its first event, and its sku and category what the
//     first events tell that have them. Several parts of an order, lines and a
//     whole, add up.
//   - A refund lowers a line by units with an amount, by units alone (their share
//     of the amount) or by an amount alone; one that names a product with neither
//     refunds all of it. One that names no product is spread over the lines by
//     revenue, the remainder to the greatest product_id; from the order's total on,
//     or without an amount, it refunds what is left. Order Cancelled refunds
//     everything. A refund may come before its order, and is too late when the
//     order is older than the lookback.
//   - A line that another event took out of its order (an earlier one stands for
//     the whole now) leaves a tombstone.
//   - Sightings that begin a visit are Sensor Seen, Tag Read and zone events; a
//     Store Entered goes before them. The last 16 visit starts and stores of a
//     profile are remembered. A visit that is learned late moves the lag classes
//     of the touches that are still remembered.
//   - is_capped: a touch within the order's lookback had already been given up.
//
// Memory per profile: touches, visits, and at most 4,096 orders; what is older
// than the lookback is not seen any more. Profiles quiet for longest go first.
package ropo
