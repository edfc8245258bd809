package identity

import (
	"touchstream/pipeline/event"
)

// writeIdentity writes the identifier as it stands.
func (r *Resolver) writeIdentity(id uint32) {
	e, d := r.idents.MutAt(id), r.mutDetail(id)
	d.revision++
	e.rowDay = day(e.last)
	var hex [32]byte
	out := r.turn.Out(outIdentities)
	out.Begin()
	out.Text(r.profiles.At(e.profile).id.AppendHex(hex[:0]))
	out.String(e.kind.String())
	if d.raw != 0 {
		out.Text(r.arena.Get(d.raw))
	} else {
		out.Text(hashOf(r.idents.KeyAt(id)).AppendHex(hex[:0]))
	}
	out.Time(e.first)
	out.Time(e.last)
	out.Int(int64(d.revision))
	out.End()
	if d.revision > 1 {
		r.turn.Count.Revisions++
	}
}

func (r *Resolver) writeMerge(b *event.Batch, row int, from, to event.Hash, cause event.Ident) {
	var hex [32]byte
	out := r.turn.Out(outMerges)
	out.Begin()
	out.Time(b.Time(row))
	out.Text(from.AppendHex(hex[:0]))
	out.Text(to.AppendHex(hex[:0]))
	out.String(cause.String())
	out.Text(r.messageID(b, row))
	out.End()
}

func (r *Resolver) writeOverride(old uint32, to event.Hash) {
	e := r.profiles.Mut(old)
	if e.id.IsProvisional() {
		return
	}
	e.revision++
	var hex [32]byte
	out := r.turn.Out(outOverrides)
	out.Begin()
	out.Text(e.id.AppendHex(hex[:0]))
	out.Text(to.AppendHex(hex[:0]))
	out.Int(int64(e.revision))
	out.End()
}

func (r *Resolver) writeConflict(b *event.Batch, row int, mine, other uint32, kind event.Ident, rule string) {
	var hex [32]byte
	out := r.turn.Out(outConflicts)
	out.Begin()
	out.Time(b.Time(row))
	out.Text(r.profiles.At(mine).id.AppendHex(hex[:0]))
	out.Text(r.profiles.At(other).id.AppendHex(hex[:0]))
	out.String(kind.String())
	out.Text(r.messageID(b, row))
	out.String(rule)
	out.End()
}

func (r *Resolver) messageID(b *event.Batch, row int) []byte {
	r.scratch = event.AppendMessageID(r.scratch[:0], b, row, r.turn.Origins)
	return r.scratch
}
