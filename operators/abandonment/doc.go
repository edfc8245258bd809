// Package abandonment finds carts, checkouts, product pages and forms that
// people left: semantics §7.
//
// The key is the profile. Activity opens an episode; its stage only deepens
// (browse, cart, checkout); it is due its stage's after behind the stage's last
// activity, and fires when the watermark is past that. Orders through any
// channel end the open episode and recover the last fired one. Forms are
// episodes of their own, by form_id.
//
// Where the semantics are silent:
//
//   - The cart is followed whatever stages are configured. Emptying it ends an
//     episode that has reached cart or checkout. A Product Removed that leaves
//     nothing in the cart opens no episode.
//   - products are those in the cart or, when it holds none, those looked at in
//     the episode [16].
//   - Store Entered and Store Exited postpone forms too: due is at least the
//     stage's after behind them.
//   - Form Submitted ends an open form as cancelled and recovers a fired one.
//   - Lines of one order at one instant are one order. A later line of the
//     order that recovered an episode adds to its revenue.
//   - With same_sku an order ends and recovers only episodes all of whose
//     products it holds, and leaves the cart alone when it ends none.
//   - currency is that of the first priced cart change since the cart was last
//     empty; amounts in another are left out and counted.
//   - Episodes in which a bot took part leave rows and no triggers.
//   - The trigger's occurred_at is the last activity, it expires expires_after
//     due, its cause is the message that opened the episode.
//
// Late events: activity between an episode's opening and its due belongs to
// it. A fired episode whose due moves past the watermark goes on and does not
// trigger again; its due never moves back. Activity just before an episode that
// has left no row yet becomes its opening; one that has keeps id and opened_at.
// Other activity opens an episode of its own, unless an order, emptying or
// submission followed it. A late order takes from the open episode the stages that ended
// before it; what remains goes on.
//
// An episode is remembered for recovery after its end; so a late order may
// still turn an expired one into a recovered one. A profile without episodes is
// forgotten cart_memory after its last event. Over max_profiles the profile
// unseen for longest goes, with its episodes, and counts as evicted.
package abandonment
