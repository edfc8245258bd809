package ga4

import (
	"strings"

	"touchstream/pipeline/event"
	"touchstream/sources/decode"
)

// source says where a column's value is looked for; the first path that is
// there counts. p stands for the event's parameters, u for user properties.
type source struct {
	column event.Column
	paths  string
}

// sources is the table of the package's documentation. Columns that are not in
// it are looked for among the parameters under their own name.
var sources = []source{
	{event.UserID, "user_id"},
	{event.AnonymousID, "user_pseudo_id client_id app_instance_id"},
	{event.LoyaltyID, "p.loyalty_id u.loyalty_id.value u.loyalty_id"},
	{event.Email, "p.email u.email.value u.email"},
	{event.Phone, "p.phone u.phone.value u.phone"},
	{event.DeviceID, "device.advertising_id device.vendor_id"},
	{event.Locale, "device.language p.language"},
	{event.Country, "geo.country user_location.country_id"},
	{event.City, "geo.city user_location.city"},
	{event.PageURL, "p.page_location"},
	{event.PageTitle, "p.page_title p.screen_name p.firebase_screen"},
	{event.Referrer, "p.page_referrer"},
	{event.Campaign, "p.campaign collected_traffic_source.manual_campaign_name session_traffic_source_last_click.manual_campaign.campaign_name"},
	{event.CampaignSource, "p.source collected_traffic_source.manual_source session_traffic_source_last_click.manual_campaign.source"},
	{event.CampaignMedium, "p.medium collected_traffic_source.manual_medium session_traffic_source_last_click.manual_campaign.medium"},
	{event.OrderID, "p.transaction_id ecommerce.transaction_id"},
	{event.Query, "p.search_term"},
}

// itemSources is where the columns of an item are looked for.
var itemSources = []source{
	{event.ProductID, "item_id"},
	{event.SKU, "item_sku"},
	{event.Category, "item_category"},
	{event.Brand, "item_brand"},
	{event.Variant, "item_variant"},
	{event.Quantity, "quantity"},
	{event.Price, "price"},
	{event.Amount, "item_revenue item_refund"},
	{event.Coupon, "coupon"},
}

// apart are columns that the decoder sets by itself.
func isApart(c event.Column) bool {
	switch c {
	case event.Event, event.EventTime, event.ReceivedTime, event.MessageID, event.Channel, event.DeviceType, event.PagePath, event.Amount:
		return true
	}
	return false
}

// special paths, in the order of the fields of plan that take them.
const (
	topPaths      = "event_name event_timestamp timestamp_micros name event_params user_properties items p.items events"
	channelPaths  = "p.channel platform app_instance_id"
	devicePaths   = "device.category"
	pathPaths     = "p.page_path p.page_location"
	screenPaths   = "p.screen_name p.firebase_screen p.firebase_screen_class"
	amountPaths   = "ecommerce.purchase_revenue ecommerce.refund_value p.value"
	firstPaths    = "traffic_source.name traffic_source.source traffic_source.medium"
	requestFields = "client_id app_instance_id user_id timestamp_micros"
)

// Numbers of what parameters and user properties hold beside the table.
const (
	restOfParams int32 = 1 + iota
	restOfUser
)

// rule is a source whose paths are slots.
type rule struct {
	column event.Column
	slots  []int32
}

// plan is the table made ready for what a batch wants. It is only read.
type plan struct {
	row, item, pair *decode.Node
	params, user    *decode.Node // in row
	slots           int32
	rules           []rule
	items           []rule

	name, stamp, micros, eventName int32
	paramList, userList            int32
	itemList, paramItems, events   int32
	channel, screen, first         []int32
	deviceType, path, url          int32 // -1: not wanted
	purchased, refunded, value     int32
	key                            int32
	values                         []int32
	promotion                      int32 // of an item
	hasAttrs, hasItems             bool
}

func paths(list string) [][]string {
	var out [][]string
	for _, p := range strings.Fields(list) {
		segments := strings.Split(p, ".")
		switch segments[0] {
		case "p":
			segments[0] = "params"
		case "u":
			segments[0] = "user_properties"
		}
		out = append(out, segments)
	}
	return out
}

func slotsOf(tree *decode.Node, list string) []int32 {
	var out []int32
	for _, path := range paths(list) {
		out = append(out, tree.Way(path...).Slot())
	}
	return out
}

// pathsOf gives the paths of a column.
func pathsOf(c event.Column) string {
	for _, s := range sources {
		if s.column == c {
			return s.paths
		}
	}
	return "p." + c.String()
}

// compile makes the plan of what is wanted.
func compile(want event.Want) *plan {
	p := &plan{row: decode.NewTree(), item: decode.NewTree(), pair: decode.NewTree()}
	p.hasAttrs = want.AllAttrs || len(want.Attrs) > 0
	p.hasItems = want.Items
	look := []string{topPaths, requestFields, channelPaths, devicePaths, pathPaths, screenPaths, amountPaths, firstPaths}
	var list []string
	for c := range event.Column(event.NumColumns) {
		if isApart(c) {
			continue
		}
		if want.Columns.Has(c) {
			p.rules = append(p.rules, rule{column: c})
			list = append(list, pathsOf(c))
		}
		if want.Columns.Has(c) || p.hasAttrs {
			look = append(look, pathsOf(c)) // what has a column is no attribute
		}
	}
	for _, path := range paths(strings.Join(look, " ")) {
		p.row.Add(path...)
	}
	p.params, p.user = p.row.Way("params"), p.row.Way("user_properties")
	if p.hasAttrs {
		p.params.Rest, p.user.Rest = restOfParams, restOfUser
	}
	for i := range itemSources {
		p.items = append(p.items, rule{column: itemSources[i].column})
		for _, path := range paths(itemSources[i].paths) {
			p.item.Add(path...)
		}
	}
	p.item.Add("promotion_id")
	const valuePaths = "value.string_value value.int_value value.double_value value.float_value value"
	for _, path := range paths("key " + valuePaths) {
		p.pair.Add(path...)
	}
	p.slots = p.pair.Number(p.item.Number(p.row.Number(0)))
	for i := range p.rules {
		p.rules[i].slots = slotsOf(p.row, list[i])
	}
	for i := range p.items {
		p.items[i].slots = slotsOf(p.item, itemSources[i].paths)
	}
	p.promotion = p.item.Way("promotion_id").Slot()
	p.key, p.values = p.pair.Way("key").Slot(), slotsOf(p.pair, valuePaths)
	p.resolve(want)
	return p
}

func (p *plan) resolve(want event.Want) {
	top := slotsOf(p.row, topPaths)
	p.name, p.stamp, p.micros, p.eventName = top[0], top[1], top[2], top[3]
	p.paramList, p.userList = top[4], top[5]
	p.itemList, p.paramItems, p.events = top[6], top[7], top[8]
	p.screen, p.first = slotsOf(p.row, screenPaths), slotsOf(p.row, firstPaths)
	p.deviceType, p.path, p.url = -1, -1, -1
	if want.Columns.Has(event.Channel) {
		p.channel = slotsOf(p.row, channelPaths)
	}
	if want.Columns.Has(event.DeviceType) {
		p.deviceType = slotsOf(p.row, devicePaths)[0]
	}
	if want.Columns.Has(event.PagePath) {
		page := slotsOf(p.row, pathPaths)
		p.path, p.url = page[0], page[1]
	}
	amount := slotsOf(p.row, amountPaths)
	p.purchased, p.refunded, p.value = amount[0], amount[1], amount[2]
}
