package generator

import "touchstream/pipeline/event"

// Pages by their first step in the path; a product or category follows.
const (
	pageHome     = "/"
	pageCategory = "/c/"
	pageProduct  = "/p/"
	pageCart     = "/cart"
	pageCheckout = "/checkout"
	pageThanks   = "/thank-you"
	pageAccount  = "/account"
	pageContact  = "/contact"
)

// pageTitle names a page, or a screen of the app.
func pageTitle(path string) string {
	switch path {
	case pageCategory:
		return "Category"
	case pageProduct:
		return "Product"
	case pageCart:
		return "Cart"
	case pageCheckout:
		return "Checkout"
	case pageThanks:
		return "Order placed"
	case pageAccount:
		return "Account"
	case pageContact:
		return "Contact"
	}
	return "Home"
}

// playShop is a session in the web shop or the app.
func (c *script) playShop() {
	f := c.pl.flags
	c.online(int(c.pl.device))
	c.page(pageHome, -1)
	c.loginAtStart()
	if c.d.permille(200) {
		c.wait(3*second, 15*second)
		a := c.add(event.PromotionViewed)
		a.text = "PROMO-SPRING"
		if c.d.permille(300) {
			c.wait(2*second, 8*second)
			c.add(event.PromotionClicked).text = "PROMO-SPRING"
		}
	}
	if f&doResearch != 0 {
		c.research()
	}
	switch {
	case f&doReturn != 0:
		c.wait(4*second, 30*second)
		c.page(pageCart, -1)
		c.wait(200, 900)
		c.viewCart()
	case f&doAdd != 0:
		c.fillCart()
	}
	switch {
	case f&doEmpty != 0:
		c.emptyCart()
	case f&doBuy != 0:
		c.buyOnline()
	case f&doCheckout != 0:
		c.checkout(false)
	case f&doForm != 0:
		c.form()
	case f&doCallback != 0:
		c.wait(5*second, 40*second)
		c.page(pageContact, -1)
		c.wait(20*second, 60*second)
		c.add(event.CallbackRequested).text = callTopics[c.d.below(len(callTopics))]
	}
	if f&doLogin != 0 {
		c.wait(5*second, 40*second)
		c.page(pageAccount, -1)
		c.login()
	}
	c.loseNetwork()
	c.closeCart()
	c.w.truth.session(c)
}

// page adds a page or screen view.
func (c *script) page(path string, subject int) {
	name := event.Page
	if c.topic == topicApp {
		name = event.Screen
	}
	a := c.add(name)
	c.subject(a, path, subject)
	a.detail = pageTitle(path)
}

// subject sets what the page shows: a product, a category or nothing.
func (c *script) subject(a *act, path string, subject int) {
	a.text = path
	switch path {
	case pageProduct:
		a.product = int32(subject)
	case pageCategory:
		a.category = int8(subject)
	}
}

// loginAtStart: devices that are logged in first send an identify call, known
// ones now and then.
func (c *script) loginAtStart() {
	if c.p.kind != registered || !c.p.joined {
		return
	}
	if c.hasUser && c.d.permille(200) || !c.hasUser && c.p.login[c.device] == loginFirst {
		c.wait(2*second, 12*second)
		c.login()
	}
}

// login identifies the person; a new customer's account begins here.
func (c *script) login() {
	c.wait(8*second, 30*second)
	isNew := !c.p.joined
	c.hasUser, c.p.joined = true, true
	c.p.link(c.device)
	c.add(event.Identify)
	if isNew {
		c.wait(300, 900)
		a := c.add(event.ConsentChanged)
		a.text = pageAccount
		if c.d.permille(700) {
			a.number = 1
		}
	}
}

// research looks at the categories and products of the story.
func (c *script) research() {
	first := &c.st.items[0]
	if c.d.permille(400) {
		c.wait(4*second, 20*second)
		a := c.add(event.ProductsSearched)
		a.text, a.number = categoryNames[first.category], int32(3+c.d.below(60))
	}
	c.wait(3*second, 20*second)
	c.viewList(first.category)
	views := 1 + c.d.below(3)
	if c.pl.flags&doShort != 0 {
		views = 1 + c.d.below(2)
	}
	for i := range views {
		product := first.seen
		if i > 0 {
			product = c.w.catalog.otherInCategory(&c.d, first.seen)
			if first.seen != first.product && product == first.product {
				continue // the product that is bought stays unseen
			}
		}
		c.viewProduct(product)
	}
	for i := 1; i < c.st.count; i++ {
		if c.pl.flags&doShort == 0 || c.d.permille(500) {
			c.viewProduct(c.st.items[i].seen)
		}
	}
}

func (c *script) viewList(category int) {
	c.page(pageCategory, category)
	c.wait(100, 700)
	a := c.add(event.ProductListViewed)
	a.category, a.text = int8(category), pageCategory
	c.st.touchCategory(true, category, c.t, c.pl.lag, c.device)
}

// viewProduct opens a product's page and stays there for a while.
func (c *script) viewProduct(product int) {
	if c.d.permille(400) {
		c.wait(3*second, 15*second)
		c.productEvent(event.ProductClicked, product)
		c.wait(100, 600)
	} else {
		c.wait(4*second, 25*second)
	}
	c.page(pageProduct, product)
	c.wait(60, 400)
	c.productEvent(event.ProductViewed, product)
	for range c.d.below(5) {
		c.wait(10*second, 15*second)
		c.subject(c.add(event.PagePing), pageProduct, product)
	}
	if c.d.permille(60) {
		c.wait(2*second, 9*second)
		a := c.add(event.ProductAddedToWishlist)
		a.product, a.text = int32(product), pageProduct
	}
}

// productEvent adds an event that counts as an online touch.
func (c *script) productEvent(name event.Name, product int) *act {
	a := c.add(name)
	a.product, a.text, a.number = int32(product), pageProduct, 1
	c.st.touchProduct(true, product, c.t, c.pl.lag, c.device)
	return a
}

// fillCart adds the story's items to the cart.
func (c *script) fillCart() {
	if c.pl.flags&doShort == 0 && c.d.permille(80) {
		c.wait(12*minute, 18*minute) // the doorbell rings
	}
	c.startCart()
	for i := range c.st.items[:c.st.count] {
		it := &c.st.items[i]
		c.wait(5*second, 40*second)
		a := c.productEvent(event.ProductAdded, it.product)
		a.ref, a.number = c.cart.number, int32(it.quantity)
		c.touchCart()
		c.cart.lines++
		c.cart.units += it.quantity
		c.cart.cents += int64(it.quantity) * c.w.catalog.products[it.product].cents
	}
	if c.d.permille(500) || c.p.hasOldCart {
		c.wait(4*second, 30*second)
		c.page(pageCart, -1)
		c.wait(100, 600)
		c.viewCart()
	}
}

func (c *script) startCart() {
	c.w.cartNumber++
	c.cart = cart{number: c.w.cartNumber, device: c.device}
	c.hasCart = true
}

// touchCart notes an activity of the cart stage.
func (c *script) touchCart() {
	if c.cart.opened == 0 {
		c.cart.opened = c.t
	}
	if !c.cart.isCheckout {
		c.cart.last = c.t
	}
}

// touchCheckout notes an activity of the checkout stage.
func (c *script) touchCheckout() { c.cart.isCheckout, c.cart.last = true, c.t }

// viewCart shows all items; on another day it is a new episode with the cart
// of old.
func (c *script) viewCart() {
	if !c.hasCart {
		left := c.st.left
		c.cart = cart{number: left.number, device: c.device, lines: left.lines, units: left.units, cents: left.cents}
		c.hasCart = true
	}
	a := c.add(event.CartViewed)
	a.ref, a.text = c.cart.number, pageCart
	c.withItems(a)
	c.touchCart()
}

// withItems gives the act the story's items.
func (c *script) withItems(a *act) {
	a.from = uint8(len(c.s.lines))
	a.cents = 0
	for i := range c.st.items[:c.st.count] {
		it := &c.st.items[i]
		c.s.lines = append(c.s.lines, it.line)
		a.cents += int64(it.quantity) * c.w.catalog.products[it.product].cents
	}
	a.to = uint8(len(c.s.lines))
}

func (c *script) emptyCart() {
	for i := range c.st.items[:c.st.count] {
		it := &c.st.items[i]
		c.wait(6*second, 50*second)
		a := c.add(event.ProductRemoved)
		a.product, a.text, a.ref, a.number = int32(it.product), pageCart, c.cart.number, int32(it.quantity)
		c.touchCart()
	}
	c.cart.lines, c.cart.units, c.cart.cents = 0, 0, 0
}

// checkout goes through the steps; without pays it is left in the middle.
func (c *script) checkout(pays bool) {
	c.wait(5*second, 30*second)
	c.page(pageCheckout, -1)
	c.wait(100, 500)
	a := c.add(event.CheckoutStarted)
	a.ref, a.text = c.cart.number, pageCheckout
	c.withItems(a)
	c.touchCheckout()
	c.step(event.CheckoutStepViewed, 1)
	if !pays && c.d.permille(400) {
		return
	}
	c.step(event.CheckoutStepCompleted, 1)
	c.step(event.CheckoutStepViewed, 2)
	if !pays {
		return
	}
	c.step(event.CheckoutStepCompleted, 2)
	c.step(event.PaymentInfoEntered, 2)
}

func (c *script) step(name event.Name, n int32) {
	c.wait(1*second, 45*second)
	a := c.add(name)
	a.ref, a.number, a.text = c.cart.number, n, pageCheckout
	c.touchCheckout()
}

// buyOnline logs in if the device is to be known, and orders.
func (c *script) buyOnline() {
	if c.p.kind == registered && !c.hasUser {
		c.login()
	}
	c.checkout(true)
	if c.d.permille(150) {
		c.wait(3*second, 15*second)
		a := c.add(event.CouponEntered)
		a.text, a.detail = pageCheckout, "FREESHIP"
		c.wait(200, 900)
		a = c.add(event.CouponApplied)
		a.text, a.detail = pageCheckout, "FREESHIP"
	}
	c.wait(4*second, 40*second)
	if c.p.kind == guest {
		c.p.link(c.device) // by the order's e-mail
		c.p.joined = true
	}
	a := c.add(event.OrderCompleted)
	a.text = pageThanks
	c.order(a)
	c.wait(200, 900)
	c.page(pageThanks, -1)
}

func (c *script) form() {
	c.wait(5*second, 40*second)
	c.page(pageContact, -1)
	c.wait(3*second, 20*second)
	opened, last := c.t, ""
	c.formEvent(event.FormStarted, "")
	fields := [...]string{"name", "email", "topic", "message"}
	n := len(fields)
	leaves := c.pl.flags&doLeaveForm != 0
	if leaves {
		n = 1 + c.d.below(len(fields)-1)
	}
	for _, field := range fields[:n] {
		c.wait(4*second, 40*second)
		if field == "email" && c.d.permille(250) {
			c.formEvent(event.FormFieldFailed, field)
			c.wait(4*second, 20*second)
		}
		c.formEvent(event.FormFieldCompleted, field)
		last = field
	}
	lastAt := c.t
	if !leaves {
		c.wait(2*second, 20*second)
		lastAt = c.t
		c.formEvent(event.FormSubmitted, "")
	}
	c.w.truth.form(c, opened, lastAt, last, leaves)
}

func (c *script) formEvent(name event.Name, field string) {
	a := c.add(name)
	a.text, a.detail = pageContact, field
}

// closeCart writes what is known of the scene's cart and of the one that it
// closes, or keeps it for the scene that will.
func (c *script) closeCart() {
	if !c.hasCart {
		return
	}
	f, left := c.pl.flags, &c.st.left
	switch {
	case f&doLeave != 0 && left.recovers:
		c.cart.recovers = true
		*left = c.cart
		c.st.hasLeft = true
	case f&doLeave != 0:
		*left = c.cart
		c.p.hasOldCart = true
		c.w.truth.cart(c, &c.cart, outcomeExpired, closing{})
	case f&doEmpty != 0:
		c.w.truth.cart(c, &c.cart, outcomeEmptied, closing{at: c.cart.last})
	}
}
