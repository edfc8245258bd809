package event

// Column names one field of an event.
type Column uint8

// Kind is how a column is stored.
type Kind uint8

const (
	// Text is UTF-8 in the batch's arena; the empty text is absent.
	Text Kind = iota
	// Time is milliseconds UTC.
	Time
	// Number is a plain 64-bit integer.
	Number
	// Money is an integer in 1/10,000 of the unit (prices, amounts, quantities).
	Money
	// Float is a 64-bit float; NaN is absent.
	Float
	// Flag is 0 or 1.
	Flag
)

// The columns, in the order of the documentation.
const (
	Event Column = iota
	EventTime
	ReceivedTime
	MessageID
	Channel
	UserID
	LoyaltyID
	Email
	Phone
	PaymentToken
	AnonymousID
	DeviceID
	DeviceType
	UserAgent
	Locale
	Country
	City
	TimeZone
	Latitude
	Longitude
	PageURL
	PagePath
	PageTitle
	Referrer
	Campaign
	CampaignSource
	CampaignMedium
	ProductID
	SKU
	Category
	Brand
	Variant
	Quantity
	Price
	Amount
	Currency
	Coupon
	PromotionID
	Position
	Query
	Results
	OrderID
	CartID
	CheckoutID
	Step
	Fulfilment
	StoreID
	ZoneID
	SensorID
	RSSI
	CountIn
	CountOut
	StaffID
	FormID
	Field
	Error
	CallID
	CaseID
	Topic
	Reason
	Resolved
	AgentID
	SurveyID
	Score
	Comment
	ShipmentID
	Status
	PromisedAt
	Purpose
	Granted
	Template
	numColumns
)

// NumColumns is the number of columns of an event.
const NumColumns = int(numColumns)

var columns = [NumColumns]struct {
	name string
	kind Kind
}{
	Event: {"event", Text}, EventTime: {"event_time", Time}, ReceivedTime: {"received_time", Time},
	MessageID: {"message_id", Text}, Channel: {"channel", Text},
	UserID: {"user_id", Text}, LoyaltyID: {"loyalty_id", Text}, Email: {"email", Text}, Phone: {"phone", Text},
	PaymentToken: {"payment_token", Text}, AnonymousID: {"anonymous_id", Text}, DeviceID: {"device_id", Text},
	DeviceType: {"device_type", Text}, UserAgent: {"user_agent", Text}, Locale: {"locale", Text},
	Country: {"country", Text}, City: {"city", Text}, TimeZone: {"time_zone", Text},
	Latitude: {"latitude", Float}, Longitude: {"longitude", Float},
	PageURL: {"page_url", Text}, PagePath: {"page_path", Text}, PageTitle: {"page_title", Text},
	Referrer: {"referrer", Text}, Campaign: {"campaign", Text}, CampaignSource: {"campaign_source", Text},
	CampaignMedium: {"campaign_medium", Text},
	ProductID:      {"product_id", Text}, SKU: {"sku", Text}, Category: {"category", Text}, Brand: {"brand", Text},
	Variant: {"variant", Text}, Quantity: {"quantity", Money}, Price: {"price", Money}, Amount: {"amount", Money},
	Currency: {"currency", Text}, Coupon: {"coupon", Text}, PromotionID: {"promotion_id", Text},
	Position: {"position", Number}, Query: {"query", Text}, Results: {"results", Number},
	OrderID: {"order_id", Text}, CartID: {"cart_id", Text}, CheckoutID: {"checkout_id", Text},
	Step: {"step", Text}, Fulfilment: {"fulfilment", Text},
	StoreID: {"store_id", Text}, ZoneID: {"zone_id", Text}, SensorID: {"sensor_id", Text}, RSSI: {"rssi", Float},
	CountIn: {"count_in", Number}, CountOut: {"count_out", Number}, StaffID: {"staff_id", Text},
	FormID: {"form_id", Text}, Field: {"field", Text}, Error: {"error", Text},
	CallID: {"call_id", Text}, CaseID: {"case_id", Text}, Topic: {"topic", Text}, Reason: {"reason", Text},
	Resolved: {"resolved", Flag}, AgentID: {"agent_id", Text},
	SurveyID: {"survey_id", Text}, Score: {"score", Float}, Comment: {"comment", Text},
	ShipmentID: {"shipment_id", Text}, Status: {"status", Text}, PromisedAt: {"promised_at", Time},
	Purpose: {"purpose", Text}, Granted: {"granted", Flag}, Template: {"template", Text},
}

// String gives the column's name in configurations and tables.
func (c Column) String() string { return columns[c].name }

// Kind tells how the column is stored.
func (c Column) Kind() Kind { return columns[c].kind }

// IsItem reports whether the column also exists per item, so that a window
// that names it runs over items.
func (c Column) IsItem() bool {
	switch c {
	case ProductID, SKU, Category, Brand, Variant, Quantity, Price:
		return true
	}
	return false
}

// ItemColumns are the columns that an item has.
var ItemColumns = [...]Column{ProductID, SKU, Category, Brand, Variant, Quantity, Price, Amount, Coupon}

var columnByName = func() map[string]Column {
	m := make(map[string]Column, NumColumns)
	for c := range columns {
		m[columns[c].name] = Column(c)
	}
	return m
}()

// ColumnByName finds a column by its name.
func ColumnByName(name string) (Column, bool) {
	c, ok := columnByName[name]
	return c, ok
}

// Set is a set of columns.
type Set [2]uint64

// SetOf makes a set.
func SetOf(cs ...Column) Set {
	var s Set
	for _, c := range cs {
		s.Add(c)
	}
	return s
}

// AllColumns is the set of every column.
func AllColumns() Set {
	var s Set
	for c := range NumColumns {
		s.Add(Column(c))
	}
	return s
}

// Add puts a column into the set.
func (s *Set) Add(c Column) { s[c>>6] |= 1 << (c & 63) }

// Remove takes a column out of the set.
func (s *Set) Remove(c Column) { s[c>>6] &^= 1 << (c & 63) }

// Has reports whether the column is in the set.
func (s Set) Has(c Column) bool { return s[c>>6]&(1<<(c&63)) != 0 }

// Or is the union of two sets.
func (s Set) Or(o Set) Set { return Set{s[0] | o[0], s[1] | o[1]} }

// Want is what the configuration's operators and tables need of an event;
// decoders fill nothing else.
type Want struct {
	Columns  Set
	Items    bool     // nested items
	AllAttrs bool     // every attribute
	Attrs    []string // these attributes
}

// Or joins two wants.
func (w Want) Or(o Want) Want {
	w.Columns = w.Columns.Or(o.Columns)
	w.Items = w.Items || o.Items
	w.AllAttrs = w.AllAttrs || o.AllAttrs
	w.Attrs = append(w.Attrs[:len(w.Attrs):len(w.Attrs)], o.Attrs...)
	return w
}

// WantsAttr reports whether the attribute is needed.
func (w *Want) WantsAttr(name []byte) bool {
	if w.AllAttrs {
		return true
	}
	for _, a := range w.Attrs {
		if a == string(name) {
			return true
		}
	}
	return false
}
