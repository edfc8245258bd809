package text

import (
	"math"
	"strconv"

	"touchstream/pipeline/money"
	"touchstream/pipeline/schema"
)

// appendTime writes ms UTC as 2026-03-01T00:00:00.000Z.
func appendTime(dst []byte, ms int64) []byte {
	days := ms / dayMs
	rest := ms % dayMs
	if rest < 0 {
		days, rest = days-1, rest+dayMs
	}
	year, month, day := civil(days)
	if year < 0 {
		dst, year = append(dst, '-'), -year
	}
	if year > 9999 {
		dst = strconv.AppendInt(dst, year, 10)
	} else {
		dst = pad(dst, year, 1000)
	}
	dst = pad(append(dst, '-'), month, 10)
	dst = pad(append(dst, '-'), day, 10)
	dst = pad(append(dst, 'T'), rest/3_600_000, 10)
	dst = pad(append(dst, ':'), rest/60_000%60, 10)
	dst = pad(append(dst, ':'), rest/1000%60, 10)
	dst = pad(append(dst, '.'), rest%1000, 100)
	return append(dst, 'Z')
}

const dayMs = 86_400_000

// civil gives the Gregorian date of a day counted from 1970-01-01. The years
// begin in March here, so that the leap day is the last one of its year.
func civil(days int64) (year, month, day int64) {
	const daysOf400Years, marchToEpoch = 146_097, 719_468
	days += marchToEpoch
	era := days / daysOf400Years
	if days < 0 {
		era = (days - daysOf400Years + 1) / daysOf400Years
	}
	inEra := days - era*daysOf400Years
	inEraYear := (inEra - inEra/1460 + inEra/36524 - inEra/146_096) / 365
	inYear := inEra - (365*inEraYear + inEraYear/4 - inEraYear/100)
	shifted := (5*inYear + 2) / 153
	day = inYear - (153*shifted+2)/5 + 1
	year = inEraYear + era*400
	if shifted < 10 {
		return year, shifted + 3, day
	}
	return year + 1, shifted - 9, day
}

// pad writes n with as many digits as top has.
func pad(dst []byte, n, top int64) []byte {
	for ; top > 0; top /= 10 {
		dst = append(dst, byte('0'+n/top%10))
	}
	return dst
}

const hexDigits = "0123456789abcdef"

// appendUUID writes 16 bytes in the form of 36 characters.
func appendUUID(dst, id []byte) []byte {
	for i, b := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = append(dst, hexDigits[b>>4], hexDigits[b&15])
	}
	return dst
}

// appendFloat writes a finite number as encoding/json does.
func appendFloat(dst []byte, f float64) []byte {
	format := byte('f')
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(dst, f, format, -1, 64)
}

// hasValue reports whether row i of a scalar column is there.
func hasValue(t schema.Type, c *schema.Data, i int) bool {
	switch t {
	case schema.Text, schema.LowText, schema.UUID:
		return c.Str[i].Len > 0
	case schema.Float:
		return !math.IsNaN(c.F64[i]) && !math.IsInf(c.F64[i], 0)
	}
	return c.I64[i] != schema.Absent
}

// appendNumber writes row i of a column of numbers, flags or times; what is
// absent is zero.
func appendNumber(dst []byte, t schema.Type, c *schema.Data, i int) []byte {
	if t == schema.Float {
		if hasValue(t, c, i) {
			return appendFloat(dst, c.F64[i])
		}
		return append(dst, '0')
	}
	v := c.I64[i]
	if v == schema.Absent {
		v = 0
	}
	switch t {
	case schema.Time:
		return appendTime(dst, v)
	case schema.Money:
		return money.Append(dst, v)
	case schema.Flag:
		return strconv.AppendBool(dst, v != 0)
	}
	return strconv.AppendInt(dst, v, 10)
}

func isNumber(t schema.Type) bool {
	switch t {
	case schema.Money, schema.Int, schema.Duration, schema.Float, schema.Flag:
		return true
	}
	return false
}
