package kafka

import (
	"encoding/json"

	"touchstream/pipeline"
	"touchstream/pipeline/schema"
)

// SchemaID names the schema of trigger messages. The number rises only when a
// reader of the former schema could fail.
const SchemaID = "urn:touchstream:schema:trigger:1"

type property struct {
	Type        any    `json:"type"`
	Format      string `json:"format,omitempty"`
	Description string `json:"description"`
}

// Schema is the JSON Schema of the value of a trigger message.
func Schema() ([]byte, error) {
	t := pipeline.Triggers
	properties, required := map[string]property{}, []string{}
	for _, c := range t.Columns {
		p := property{Type: jsonType(c.Type), Description: c.Doc}
		if c.Type == schema.Time {
			p.Format = "date-time"
		}
		if c.Name == "payload" {
			p.Type, p.Description = "object", "The facts that a message needs; which, depends on the kind."
		}
		if c.Nullable {
			p.Type = []any{p.Type, "null"}
		}
		properties[c.Name] = p
		required = append(required, c.Name)
	}
	out, err := json.MarshalIndent(map[string]any{
		"$schema":              "https://json-schema.org/draft/2020-12/schema",
		"$id":                  SchemaID,
		"title":                "Trigger",
		"description":          "The value of a message of the trigger topic. Further properties may come.",
		"type":                 "object",
		"properties":           properties,
		"required":             required,
		"additionalProperties": true,
	}, "", "  ")
	return append(out, '\n'), err
}

func jsonType(t schema.Type) string {
	switch t {
	case schema.Int, schema.Duration:
		return "integer"
	case schema.Money, schema.Float:
		return "number"
	case schema.Flag:
		return "boolean"
	case schema.Texts, schema.Moneys:
		return "array"
	case schema.Map:
		return "object"
	}
	return "string"
}
