package segment

import (
	"strings"

	"touchstream/pipeline/event"
	"touchstream/sources/decode"
)

// source says where a column's value is looked for; the first path that is
// there counts.
type source struct {
	column event.Column
	paths  string
	// page is for page and screen calls, "" if they are no different.
	page string
	// lenient: what cannot be read is no fault, the column stays absent and a
	// scalar becomes an attribute.
	lenient bool
}

// sources is the table of the package's documentation.
var sources = []source{
	{column: event.MessageID, paths: "messageId"},
	{column: event.ReceivedTime, paths: "receivedAt"},
	{column: event.UserID, paths: "userId"},
	{column: event.AnonymousID, paths: "anonymousId"},
	{column: event.LoyaltyID, paths: "properties.loyalty_id traits.loyalty_id context.traits.loyalty_id"},
	{column: event.Email, paths: "properties.email traits.email context.traits.email"},
	{column: event.Phone, paths: "properties.phone traits.phone context.traits.phone"},
	{column: event.PaymentToken, paths: "properties.payment_token"},
	{column: event.DeviceID, paths: "properties.device_id context.device.id context.device.advertisingId"},
	{column: event.UserAgent, paths: "context.userAgent properties.user_agent"},
	{column: event.Locale, paths: "context.locale properties.locale"},
	{column: event.Country, paths: "properties.country context.location.country"},
	{column: event.City, paths: "properties.city context.location.city"},
	{column: event.TimeZone, paths: "context.timezone properties.time_zone"},
	{column: event.Latitude, paths: "properties.latitude context.location.latitude"},
	{column: event.Longitude, paths: "properties.longitude context.location.longitude"},
	{column: event.PageURL, paths: "context.page.url properties.page_url", page: "properties.url context.page.url"},
	{column: event.PageTitle, paths: "context.page.title properties.page_title", page: "properties.title context.page.title name properties.name"},
	{column: event.Referrer, paths: "context.page.referrer context.referrer.url", page: "properties.referrer context.page.referrer context.referrer.url"},
	{column: event.Campaign, paths: "context.campaign.name properties.campaign", lenient: true},
	{column: event.CampaignSource, paths: "context.campaign.source properties.campaign_source"},
	{column: event.CampaignMedium, paths: "context.campaign.medium properties.campaign_medium"},
	{column: event.ProductID, paths: "properties.product_id"},
	{column: event.SKU, paths: "properties.sku"},
	{column: event.Category, paths: "properties.category"},
	{column: event.Brand, paths: "properties.brand"},
	{column: event.Variant, paths: "properties.variant"},
	{column: event.Quantity, paths: "properties.quantity"},
	{column: event.Price, paths: "properties.price"},
	{column: event.Amount, paths: "properties.amount properties.total properties.revenue properties.value"},
	{column: event.Currency, paths: "properties.currency"},
	{column: event.Coupon, paths: "properties.coupon"},
	{column: event.PromotionID, paths: "properties.promotion_id"},
	{column: event.Position, paths: "properties.position", lenient: true},
	{column: event.Query, paths: "properties.query"},
	{column: event.Results, paths: "properties.results", lenient: true},
	{column: event.OrderID, paths: "properties.order_id"},
	{column: event.CartID, paths: "properties.cart_id"},
	{column: event.CheckoutID, paths: "properties.checkout_id"},
	{column: event.Step, paths: "properties.step"},
	{column: event.Fulfilment, paths: "properties.fulfilment"},
	{column: event.StoreID, paths: "properties.store_id"},
	{column: event.ZoneID, paths: "properties.zone_id"},
	{column: event.SensorID, paths: "properties.sensor_id"},
	{column: event.RSSI, paths: "properties.rssi"},
	{column: event.CountIn, paths: "properties.count_in"},
	{column: event.CountOut, paths: "properties.count_out"},
	{column: event.StaffID, paths: "properties.staff_id"},
	{column: event.FormID, paths: "properties.form_id"},
	{column: event.Field, paths: "properties.field"},
	{column: event.Error, paths: "properties.error"},
	{column: event.CallID, paths: "properties.call_id"},
	{column: event.CaseID, paths: "properties.case_id"},
	{column: event.Topic, paths: "properties.topic"},
	{column: event.Reason, paths: "properties.reason"},
	{column: event.Resolved, paths: "properties.resolved"},
	{column: event.AgentID, paths: "properties.agent_id"},
	{column: event.SurveyID, paths: "properties.survey_id"},
	{column: event.Score, paths: "properties.score"},
	{column: event.Comment, paths: "properties.comment"},
	{column: event.ShipmentID, paths: "properties.shipment_id"},
	{column: event.Status, paths: "properties.status"},
	{column: event.PromisedAt, paths: "properties.promised_at"},
	{column: event.Purpose, paths: "properties.purpose"},
	{column: event.Granted, paths: "properties.granted"},
	{column: event.Template, paths: "properties.template"},
}

// itemSources is where the columns of a product are looked for.
var itemSources = []source{
	{column: event.ProductID, paths: "product_id id"},
	{column: event.SKU, paths: "sku"},
	{column: event.Category, paths: "category"},
	{column: event.Brand, paths: "brand"},
	{column: event.Variant, paths: "variant"},
	{column: event.Quantity, paths: "quantity"},
	{column: event.Price, paths: "price"},
	{column: event.Amount, paths: "amount"},
	{column: event.Coupon, paths: "coupon"},
}

// Numbers of what properties and traits hold beside the table.
const (
	restOfProperties int32 = 1 + iota
	restOfTraits
)

// rule is a source whose paths are slots.
type rule struct {
	*source
	slots, pageSlots []int32
}

func (r *rule) slotsFor(isPage bool) []int32 {
	if isPage {
		return r.pageSlots
	}
	return r.slots
}

// plan is the table made ready for what a batch wants. It is only read.
type plan struct {
	message, item *decode.Node
	slots         int32 // of both trees
	rules         []rule
	items         []rule

	// Slots of what the table does not cover.
	kind, event, name, previous, group      int32
	timestamp, original, sentAt, receivedAt int32
	channel, channels                       []int32 // the top-level one apart
	deviceType, userAgent                   []int32
	path, pagePath, url, pageURL            []int32
	products, batch                         int32
	contextFirst, contextLast               int32

	leftovers []leftover
}

// leftover is a property that the table may look at without taking it: then it
// is an attribute.
type leftover struct {
	name   string
	slot   int32
	rule   *rule // that may take it; nil: none
	isPage bool  // page and screen calls take it
}

// paths cuts a list of paths.
func paths(s string) [][]string {
	var out [][]string
	for _, p := range strings.Fields(s) {
		out = append(out, strings.Split(p, "."))
	}
	return out
}

// special paths of columns that need more than the first value that is there.
const (
	channelPaths    = "properties.channel context.channel"
	deviceTypePaths = "properties.device_type context.device.type"
	userAgentPaths  = "context.userAgent properties.user_agent"
	pathPaths       = "context.page.path properties.page_path"
	pagePathPaths   = "properties.path context.page.path"
	urlPaths        = "context.page.url properties.page_url"
	pageURLPaths    = "properties.url context.page.url"
	topPaths        = "type event name previousId groupId timestamp originalTimestamp sentAt receivedAt channel batch"
)

// compile makes the plan of what is wanted.
func compile(want event.Want) *plan {
	p := &plan{message: decode.NewTree(), item: decode.NewTree(), products: -1}
	look := []string{topPaths}
	hasAttrs := want.AllAttrs || len(want.Attrs) > 0
	for i := range sources {
		s := &sources[i]
		if want.Columns.Has(s.column) {
			p.rules = append(p.rules, rule{source: s})
		}
		if want.Columns.Has(s.column) || hasAttrs {
			look = append(look, s.paths, s.page) // what has a column is no attribute
		}
	}
	for c, extra := range map[event.Column]string{
		event.Channel:    channelPaths,
		event.DeviceType: deviceTypePaths + " " + userAgentPaths,
		event.PagePath:   pathPaths + " " + pagePathPaths + " " + urlPaths + " " + pageURLPaths,
	} {
		if want.Columns.Has(c) || hasAttrs {
			look = append(look, extra)
		}
	}
	if want.Items {
		look = append(look, "properties.products")
	}
	for _, path := range paths(strings.Join(look, " ")) {
		p.message.Add(path...)
	}
	if hasAttrs {
		p.message.Way("properties").Rest = restOfProperties
		p.message.Way("traits").Rest = restOfTraits
	}
	if want.Items {
		for i := range itemSources {
			p.items = append(p.items, rule{source: &itemSources[i]})
			for _, path := range paths(itemSources[i].paths) {
				p.item.Add(path...)
			}
		}
	}
	p.message.Way("context")
	p.slots = p.item.Number(p.message.Number(0))
	p.resolve(want)
	return p
}

// slotsOf gives the slots of a list of paths.
func slotsOf(tree *decode.Node, list string) []int32 {
	var out []int32
	for _, path := range paths(list) {
		out = append(out, tree.Way(path...).Slot())
	}
	return out
}

func (p *plan) resolve(want event.Want) {
	for i := range p.rules {
		r := &p.rules[i]
		r.slots = slotsOf(p.message, r.paths)
		r.pageSlots = r.slots
		if r.page != "" {
			r.pageSlots = slotsOf(p.message, r.page)
		}
	}
	for i := range p.items {
		p.items[i].slots = slotsOf(p.item, p.items[i].paths)
	}
	top := slotsOf(p.message, topPaths)
	p.kind, p.event, p.name, p.previous, p.group = top[0], top[1], top[2], top[3], top[4]
	p.timestamp, p.original, p.sentAt, p.receivedAt = top[5], top[6], top[7], top[8]
	p.batch = top[10]
	if want.Columns.Has(event.Channel) {
		p.channel, p.channels = top[9:10], slotsOf(p.message, channelPaths)
	}
	if want.Columns.Has(event.DeviceType) {
		p.deviceType, p.userAgent = slotsOf(p.message, deviceTypePaths), slotsOf(p.message, userAgentPaths)
	}
	if want.Columns.Has(event.PagePath) {
		p.path, p.pagePath = slotsOf(p.message, pathPaths), slotsOf(p.message, pagePathPaths)
		p.url, p.pageURL = slotsOf(p.message, urlPaths), slotsOf(p.message, pageURLPaths)
	}
	if want.Items {
		products := p.message.Way("properties", "products")
		products.Elements = p.item
		p.products = products.Slot()
	}
	if want.AllAttrs || len(want.Attrs) > 0 {
		p.resolveLeftovers()
	}
	p.contextFirst, p.contextLast = p.message.Way("context").Bounds()
}

func (p *plan) resolveLeftovers() {
	for _, l := range []struct {
		name   string
		column event.Column
		isPage bool
	}{
		{name: "total", column: event.Amount}, {name: "revenue", column: event.Amount}, {name: "value", column: event.Amount},
		{name: "url", column: event.PageURL}, {name: "title", column: event.PageTitle}, {name: "referrer", column: event.Referrer},
		{name: "path", isPage: true}, {name: "name"},
	} {
		out := leftover{name: l.name, slot: p.message.Way("properties", l.name).Slot(), isPage: l.isPage}
		for i := range p.rules {
			if r := &p.rules[i]; l.column != event.Event && r.column == l.column {
				out.rule = r
			}
		}
		p.leftovers = append(p.leftovers, out)
	}
}
