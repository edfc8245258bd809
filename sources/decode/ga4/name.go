package ga4

import "touchstream/pipeline/event"

// names are the events that have a canonical name.
var names = map[string]event.Name{
	"page_view": event.Page, "screen_view": event.Screen, "user_engagement": event.PagePing,
	"search": event.ProductsSearched, "view_search_results": event.ProductsSearched,
	"view_item_list": event.ProductListViewed, "select_item": event.ProductClicked, "view_item": event.ProductViewed,
	"add_to_cart": event.ProductAdded, "remove_from_cart": event.ProductRemoved, "view_cart": event.CartViewed,
	"add_to_wishlist": event.ProductAddedToWishlist,
	"view_promotion":  event.PromotionViewed, "select_promotion": event.PromotionClicked,
	"begin_checkout": event.CheckoutStarted, "add_shipping_info": event.CheckoutStepCompleted, "add_payment_info": event.PaymentInfoEntered,
	"purchase": event.OrderCompleted, "ecommerce_purchase": event.OrderCompleted, "in_app_purchase": event.OrderCompleted,
	"refund": event.OrderRefunded, "share": event.ProductShared,
	"form_start": event.FormStarted, "form_submit": event.FormSubmitted,
}

// isOfOneProduct reports whether events of the name are about one product each.
func isOfOneProduct(n event.Name) bool {
	switch n {
	case event.ProductClicked, event.ProductViewed, event.ProductAdded, event.ProductRemoved, event.ProductAddedToWishlist:
		return true
	}
	return false
}
