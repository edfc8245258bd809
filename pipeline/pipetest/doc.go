// Package pipetest feeds operators in tests the way the engine does: a Log of
// events is read from a script, cut into steps, measured against watermarks,
// put in order and routed to shards. A Result holds what came out as text. Every
// run is done again with snapshots and restores in its midst, and must come out
// the same.
//
// A script is one event or instruction per line; # starts a comment:
//
//	10:00:05 Product Added anonymous_id=a product_id=p1 quantity=2 price=9.99
//	10:00:07.250 Order Completed anonymous_id=a profile=ann items=p1:2:9.99,p2 amount=20
//	26:00 page anonymous_id=a page_path="/a b" @colour=red
//	watermark 26:30
//	merge ann bob
//
// A time is HH:MM, with seconds and fractions if wanted, from 2026-03-01T00:00Z
// on; hours may exceed 23. Fields are the columns' names; items are
// product:quantity:price; @x is the attribute x; profile names a profile; bot=true
// marks a bot's user agent. An event without message_id has its place in the
// script as id. "watermark T" raises the partition's watermark to T; "merge A B"
// starts a step with profile A joining profile B.
package pipetest
