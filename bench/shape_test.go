package bench

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"touchstream/sources/generator"
)

// segmentCall is a web record as encoding/json reads it: the fields that the
// operators use and no others.
type segmentCall struct {
	Type        string    `json:"type"`
	Event       string    `json:"event"`
	MessageID   string    `json:"messageId"`
	Timestamp   time.Time `json:"timestamp"`
	AnonymousID string    `json:"anonymousId"`
	UserID      string    `json:"userId"`
	Properties  struct {
		segmentProduct
		Channel  string           `json:"channel"`
		Currency string           `json:"currency"`
		OrderID  string           `json:"order_id"`
		Products []segmentProduct `json:"products"`
	} `json:"properties"`
	Context struct {
		UserAgent string `json:"userAgent"`
		Locale    string `json:"locale"`
		Device    struct {
			Type string `json:"type"`
		} `json:"device"`
		Page struct {
			Path string `json:"path"`
		} `json:"page"`
	} `json:"context"`
}

type segmentProduct struct {
	ProductID string      `json:"product_id"`
	Category  string      `json:"category"`
	Price     json.Number `json:"price"`
	Quantity  json.Number `json:"quantity"`
}

// product is the call's own product or the first of its list.
func (c *segmentCall) product() segmentProduct {
	if len(c.Properties.Products) > 0 {
		return c.Properties.Products[0]
	}
	return c.Properties.segmentProduct
}

func readCall(r *generator.Record) *segmentCall {
	c := &segmentCall{}
	if err := json.Unmarshal(r.Value, c); err != nil {
		panic(fmt.Sprintf("workload record %s: %v", r.Value, err))
	}
	return c
}

const csvHeader = "event,ts,message_id,visitor,user,channel,path,product,category,price,quantity,currency,order_id,user_agent"

// csvMapping is how a csv or jsonl record of a web event is read.
const csvMapping = `
format: csv
fields:
  event:        event
  event_time:   ts
  message_id:   message_id
  anonymous_id: visitor
  user_id:      user
  channel:      channel
  page_path:    path
  product_id:   product
  category:     category
  price:        price
  quantity:     quantity
  currency:     currency
  order_id:     order_id
  user_agent:   user_agent
`

const jsonMapping = `
format: jsonl
fields:
  event:        {path: [event, type]}
  event_time:   timestamp
  message_id:   messageId
  anonymous_id: anonymousId
  user_id:      userId
  channel:      properties.channel
  page_path:    context.page.path
  product_id:   properties.product_id
  category:     properties.category
  price:        properties.price
  quantity:     properties.quantity
  currency:     properties.currency
  order_id:     properties.order_id
  user_agent:   context.userAgent
items:
  path: properties.products
  fields:
    product_id: product_id
    category:   category
    price:      price
    quantity:   quantity
`

// asCSV writes a web record as a line of csv; the columns follow csvHeader.
func asCSV(dst []byte, r *generator.Record) []byte {
	c := readCall(r)
	p := c.product()
	name := c.Event
	if name == "" {
		name = c.Type
	}
	fields := []string{name, c.Timestamp.UTC().Format(time.RFC3339Nano), c.MessageID, c.AnonymousID, c.UserID, c.Properties.Channel,
		c.Context.Page.Path, p.ProductID, p.Category, p.Price.String(), p.Quantity.String(), c.Properties.Currency, c.Properties.OrderID}
	return append(append(append(dst, strings.Join(fields, ",")...), `,"`...), c.Context.UserAgent+`"`...)
}

// ga4Names are the names that the web events have in Google Analytics 4.
var ga4Names = map[string]string{
	"": "page_view", "Product List Viewed": "view_item_list", "Product Viewed": "view_item", "Page Ping": "user_engagement",
	"Product Added": "add_to_cart", "Cart Viewed": "view_cart", "Checkout Started": "begin_checkout", "Order Completed": "purchase",
}

// ga4Row is a row of the BigQuery export.
type ga4Row struct {
	EventDate   string     `json:"event_date"`
	EventTime   string     `json:"event_timestamp"`
	EventName   string     `json:"event_name"`
	EventParams []ga4Param `json:"event_params"`
	UserPseudo  string     `json:"user_pseudo_id"`
	UserID      *string    `json:"user_id"`
	Device      struct {
		Category string `json:"category"`
		Language string `json:"language"`
	} `json:"device"`
	Platform  string `json:"platform"`
	Ecommerce struct {
		TransactionID string `json:"transaction_id,omitempty"`
	} `json:"ecommerce"`
	Items []ga4Item `json:"items"`
}

type ga4Param struct {
	Key   string `json:"key"`
	Value struct {
		Text *string `json:"string_value,omitempty"`
		Int  *string `json:"int_value,omitempty"`
	} `json:"value"`
}

type ga4Item struct {
	ID       string  `json:"item_id"`
	Category string  `json:"item_category"`
	Price    float64 `json:"price"`
	Quantity string  `json:"quantity"`
}

// asGA4 writes a web record as a row of the BigQuery export.
func asGA4(dst []byte, r *generator.Record) []byte {
	c := readCall(r)
	row := ga4Row{
		EventDate: c.Timestamp.Format("20060102"), EventTime: strconv.FormatInt(c.Timestamp.UnixMicro(), 10),
		EventName: ga4Names[c.Event], UserPseudo: c.AnonymousID, Platform: "WEB", Items: []ga4Item{},
	}
	if c.UserID != "" {
		row.UserID = &c.UserID
	}
	row.Device.Category, row.Device.Language = c.Context.Device.Type, c.Context.Locale
	row.Ecommerce.TransactionID = c.Properties.OrderID
	text := func(key, value string) {
		p := ga4Param{Key: key}
		p.Value.Text = &value
		row.EventParams = append(row.EventParams, p)
	}
	session := "1772409600"
	row.EventParams = append(row.EventParams, ga4Param{Key: "ga_session_id"})
	row.EventParams[0].Value.Int = &session
	text("page_location", "https://shop.example"+c.Context.Page.Path)
	if c.Properties.Currency != "" {
		text("currency", c.Properties.Currency)
	}
	if p := c.product(); p.ProductID != "" {
		price, _ := p.Price.Float64()
		row.Items = append(row.Items, ga4Item{p.ProductID, p.Category, price, p.Quantity.String()})
	}
	out, err := json.Marshal(&row)
	if err != nil {
		panic(err)
	}
	return append(dst, out...)
}
