package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"time"

	"touchstream/cmd/touchstream/verify"
)

// settle finds up to when facts are settled: what the flag says; else the
// watermark of the pipeline that answers at http.listen; else the latest time
// that the facts prove it to have passed. While the pipeline runs it then waits
// until what was settled is in ClickHouse.
func (b *built) settle(ctx context.Context, conn verify.Conn, p *verify.Params, flag string) error {
	switch flag {
	case "":
	case "end":
		p.Watermark, p.Told = verify.EndOfTime, "as --watermark says"
		return nil
	default:
		ms, err := timeOf("watermark", flag)
		if err != nil {
			return usageError{fmt.Errorf("verify: %w", err)}
		}
		p.Watermark, p.Told = ms, "as --watermark says"
		return nil
	}
	if ms, ok := b.runningWatermark(ctx); ok {
		p.Watermark, p.Told = ms, "as the running pipeline says"
		return b.delivered(ctx)
	}
	ms, table, err := p.Settled(ctx, conn)
	if err != nil {
		return fmt.Errorf("verify: %w; run the pipeline first, or correct the sink's database", err)
	}
	if table == "" {
		table = "no fact"
	}
	p.Watermark, p.Told = ms, "as "+table+" tells; after a run with --until-end, --watermark end compares the rest too"
	return b.delivered(ctx)
}

// delivered waits until the rows of the steps so far are in ClickHouse.
func (b *built) delivered(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(2*time.Duration(b.settings.CommitIntervalMs)*time.Millisecond + time.Second):
		return nil
	}
}

// runningWatermark asks /status.
func (b *built) runningWatermark(ctx context.Context) (int64, bool) {
	_, port, err := net.SplitHostPort(b.settings.HTTP.Listen)
	if err != nil || port == "0" {
		return 0, false
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+b.settings.HTTP.Listen+"/status", nil)
	if err != nil {
		return 0, false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, false
	}
	defer res.Body.Close()
	var s statusJSON
	if json.NewDecoder(res.Body).Decode(&s) != nil || s.Watermark == nil {
		return 0, false
	}
	at, err := time.Parse(time.RFC3339, *s.Watermark)
	return at.UnixMilli(), err == nil
}
