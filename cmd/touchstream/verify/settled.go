package verify

import (
	"context"
	"fmt"
	"strings"
)

// Derived are the names of the tables of facts that go to ClickHouse and are
// derived again.
func (p *Params) Derived() []string {
	var out []string
	for _, t := range p.Tables {
		if t.Name == "sessions" || t.Name == "ropo" || t.Name == "abandonments" || strings.HasPrefix(t.Name, "crowd") || strings.HasPrefix(t.Name, "window_") {
			out = append(out, t.Name)
		}
	}
	return out
}

// proofs are, by table, the latest time of the facts that the watermark must
// have passed for them to be there: what closes a session or a window, the end
// of an episode. Rows that are written before prove nothing.
func (p *Params) proofs() map[string]string {
	out := map[string]string{}
	for _, name := range p.Derived() {
		switch {
		case name == "sessions" && p.Sessions.Early == 0:
			out[name] = fmt.Sprintf("max(toUnixTimestamp64Milli(end)) + %d + 1", p.Sessions.Gap)
		case name == "ropo":
			out[name] = "max(toUnixTimestamp64Milli(ordered_at))"
		case name == "abandonments":
			out[name] = "max(greatest(toUnixTimestamp64Milli(ifNull(fired_at, opened_at)), toUnixTimestamp64Milli(ifNull(closed_at, opened_at)))) + 1"
		case name == "crowd" && p.Crowd.Early == 0:
			out[name] = "max(toUnixTimestamp64Milli(window_start) + window_ms)"
		case strings.HasPrefix(name, "window_"):
			out[name] = "maxIf(toUnixTimestamp64Milli(window_end), is_final)"
		}
	}
	return out
}

// Settled is the latest time that facts prove the watermark to have passed, in
// ms, and the table that proves it; empty when there are no facts.
func (p *Params) Settled(ctx context.Context, c Conn) (ms int64, table string, err error) {
	for _, name := range p.Derived() {
		proof := p.proofs()[name]
		if proof == "" {
			continue
		}
		rows, err := c.Rows(ctx, fmt.Sprintf("SELECT count(), %s FROM %s.%s", proof, field(p.Database), field("v_"+name)))
		if err != nil {
			return 0, "", fmt.Errorf("v_%s: %w", name, err)
		}
		if at := int64(number(rows[0][1])); number(rows[0][0]) > 0 && at > ms {
			ms, table = at, name
		}
	}
	return ms, table, nil
}
