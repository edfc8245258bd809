// Package cart applies the cart rules, for sessions and for abandonment alike.
//
// A cart holds units per product, never below 0. An add without quantity adds
// 1, a remove without quantity removes all. A missing price is the product's
// last known one in this cart, else 0; it outlives the units. Cart Viewed with
// items replaces the cart, an order empties it. A merge keeps the larger
// quantity per product.
//
// A product is its product_id, else its sku; events that name neither share
// one nameless product. An event with items changes the cart by its items,
// any other by itself.
//
// Between events a cart is a blob without pointers, of about 8 bytes and the
// product's name per line.
package cart
