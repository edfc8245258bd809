// Package segment decodes the JSON of Segment's tracking API, of RudderStack
// and of compatible trackers: track, page, screen, identify, alias and group
// calls, one a record, an array of them, or a batch of them.
//
// # Events
//
// The event is the track call's `event`, else the name of the call: page,
// screen, identify, alias, group. A call without `type` is a track call, one of
// another type is bad_value. The event time is the first that is there of
// `timestamp`, `originalTimestamp`, `sentAt`, `receivedAt`, in ISO 8601 (without
// an offset it is UTC); a number in its place is bad_time. In a batch,
// `context`, `sentAt` and `receivedAt` of the batch stand in for those that a
// message lacks; the element is the message's index.
//
// # Columns
//
// Of several sources the first that is there counts: not missing, not null, no
// text of blanks. p is short for properties, t for traits, c for context.
//
//	message_id       messageId
//	received_time    receivedAt
//	channel          p.channel, c.channel, else web or app by RudderStack's channel (web, mobile)
//	user_id          userId
//	anonymous_id     anonymousId, of an alias call without one previousId
//	loyalty_id       p.loyalty_id, t.loyalty_id, c.traits.loyalty_id
//	email, phone     p, t, c.traits
//	device_id        p.device_id, c.device.id, c.device.advertisingId
//	device_type      p.device_type, c.device.type (ios, android and mobile are a phone), else by the user agent: phone, tablet, desktop, bot
//	user_agent       c.userAgent, p.user_agent
//	locale           c.locale, p.locale
//	time_zone        c.timezone, p.time_zone
//	country, city, latitude, longitude   p, c.location
//	page_url         page and screen calls: p.url, c.page.url; others: c.page.url, p.page_url
//	page_path        page and screen calls: p.path, c.page.path; others: c.page.path, p.page_path; else that of the URL; without query; of a screen without one its name
//	page_title       page and screen calls: p.title, c.page.title, name, p.name; others: c.page.title, p.page_title
//	referrer         page and screen calls: p.referrer, then c.page.referrer, c.referrer.url
//	campaign, campaign_source, campaign_medium   c.campaign.name, .source, .medium, then p
//	amount           p.amount, p.total, p.revenue, p.value
//	items            p.products: product_id (or id), sku, category, brand, variant, quantity, price, amount, coupon
//	all others       the property of that name
//
// `total` goes before `revenue` because an event's amount is what was paid:
// revenue leaves out shipping and tax.
//
// Numbers may stand in quotes. A value that cannot be read, an object in the
// place of a text, and products that are no array of objects are bad_value. Three
// properties are lenient, because trackers put other things there: position and
// results that are no numbers and a campaign that is no text leave the column
// absent.
//
// # Attributes
//
// Scalar properties that no column takes, of identify and group calls scalar
// traits too, and group_id of a group call. Names are as they are sent.
package segment
