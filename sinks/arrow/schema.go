package arrow

import (
	"fmt"
	"strings"

	"github.com/apache/arrow/go/v15/arrow"

	"touchstream/pipeline/schema"
)

var (
	decimalType    = &arrow.Decimal128Type{Precision: 18, Scale: 4}
	timeType       = &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"}
	dictionaryType = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}
)

// fieldType is the type of a column as it stands in files.
func fieldType(t schema.Type) arrow.DataType {
	switch t {
	case schema.LowText:
		return dictionaryType
	case schema.Time:
		return timeType
	case schema.Money:
		return decimalType
	case schema.Int, schema.Duration:
		return arrow.PrimitiveTypes.Int64
	case schema.Float:
		return arrow.PrimitiveTypes.Float64
	case schema.Flag:
		return arrow.FixedWidthTypes.Boolean
	case schema.Texts:
		return arrow.ListOfNonNullable(arrow.BinaryTypes.String)
	case schema.Moneys:
		return arrow.ListOf(decimalType)
	case schema.Map:
		return arrow.MapOf(arrow.BinaryTypes.String, arrow.BinaryTypes.String)
	}
	return arrow.BinaryTypes.String
}

// isNullable reports whether the column can be null. Texts, lists and maps are
// empty instead.
func isNullable(c schema.Column) bool {
	switch c.Type {
	case schema.Text, schema.LowText, schema.Texts, schema.Moneys, schema.Map:
		return false
	}
	return c.Nullable
}

// Schema is the schema of a table's files.
func Schema(t *schema.Table) *arrow.Schema {
	return schemaOf(t, fieldType)
}

// bareSchema has keys in place of dictionaries.
func bareSchema(t *schema.Table) *arrow.Schema {
	return schemaOf(t, func(t schema.Type) arrow.DataType {
		if t == schema.LowText {
			return arrow.PrimitiveTypes.Int32
		}
		return fieldType(t)
	})
}

func schemaOf(t *schema.Table, typeOf func(schema.Type) arrow.DataType) *arrow.Schema {
	var fields []arrow.Field
	for _, c := range t.Columns {
		fields = append(fields, arrow.Field{Name: c.Name, Type: typeOf(c.Type), Nullable: isNullable(c)})
	}
	return arrow.NewSchema(fields, nil)
}

// Describe lists tables with their fields, one a line.
func Describe(tables []*schema.Table) string {
	var b strings.Builder
	for i, t := range tables {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s\n", t.Name)
		for _, f := range Schema(t).Fields() {
			null := ""
			if !f.Nullable {
				null = " not null"
			}
			fmt.Fprintf(&b, "  %s: %s%s\n", f.Name, f.Type, null)
		}
	}
	return b.String()
}
