package abandonment

import "touchstream/pipeline/schema"

// Table declares the rows of abandonments.
var Table = &schema.Table{
	Name: "abandonments",
	Doc:  "One row per episode in which a cart, a checkout, a product page or a form was left.",
	Columns: []schema.Column{
		{Name: "abandonment_id", Type: schema.Text, Doc: "Hash of the stage's family and the opening message id."},
		{Name: "profile_id", Type: schema.Text, Doc: "Profile that left."},
		{Name: "stage", Type: schema.LowText, Doc: "Deepest stage: browse, cart or checkout; or form."},
		{Name: "cart_id", Type: schema.Text, Doc: "Last cart id of the episode's events."},
		{Name: "form_id", Type: schema.Text, Doc: "Form that was left."},
		{Name: "last_field", Type: schema.Text, Doc: "Name of the form's last field."},
		{Name: "opened_at", Type: schema.Time, Doc: "Time of the opening event."},
		{Name: "due_at", Type: schema.Time, Doc: "Last activity of the stage plus its after."},
		{Name: "fired_at", Type: schema.Time, Nullable: true, Doc: "Time of firing: due_at, once it is past."},
		{Name: "closed_at", Type: schema.Time, Nullable: true, Doc: "Time of the order, emptying or submission, or of the end of recovery."},
		{Name: "state", Type: schema.LowText, Doc: "open, fired, cancelled, emptied, recovered, retracted or expired."},
		{Name: "closed_by_channel", Type: schema.LowText, Doc: "Channel of the event that closed the episode."},
		{Name: "items", Type: schema.Money, Doc: "Units in the cart."},
		{Name: "products", Type: schema.Texts, Doc: "Products in the cart, else those looked at."},
		{Name: "value", Type: schema.Money, Doc: "Value of the cart."},
		{Name: "recovered_revenue", Type: schema.Money, Doc: "Amount of the order that recovered the episode."},
		{Name: "currency", Type: schema.LowText, Doc: "Currency of value and recovered_revenue."},
		{Name: "revision", Type: schema.Int, Doc: "Rises from 1; of each episode the highest counts."},
		{Name: "is_deleted", Type: schema.Flag, Doc: "The episode became part of another one."},
	},
	ID:        []string{"abandonment_id"},
	Revisable: true,
	Deletable: true,
	Partition: "opened_at",
	Profiles:  []string{"profile_id"},
}
