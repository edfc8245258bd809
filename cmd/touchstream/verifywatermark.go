package main

import (
	"context"
	"fmt"

	"touchstream/cmd/touchstream/verify"
)

// settled finds up to when facts are settled: what --watermark says, else
// what the facts tell.
func (b *built) settled(ctx context.Context, conn verify.Conn, p *verify.Params, tables []*verify.Table, o verifyOptions) (int64, error) {
	switch o.watermark {
	case "":
	case "end":
		return verify.EndOfTime, nil
	default:
		ms, err := timeOf("watermark", o.watermark)
		if err != nil {
			return 0, usageError{fmt.Errorf("verify: %w", err)}
		}
		return ms, nil
	}
	return verify.EndOfTime, nil
}
