package identity

import "touchstream/pipeline"

// adopt lets profile to take up all that from has.
func (r *Resolver) adopt(to, from uint32) {
	t, f := r.profiles.Mut(to), r.profiles.Mut(from)
	r.merges = append(r.merges, pipeline.Merge{Old: f.id, Current: t.id, At: r.eff})
	f.parent = to
	if t.user.IsZero() {
		t.user = f.user
	}
	t.first = min(t.first, f.first)
	t.references, f.references = t.references+f.references, 0
	r.adoptIdentifiers(from, to)
	r.adoptMerged(from, to)
}

// adoptIdentifiers moves all identifiers of a vanished profile.
func (r *Resolver) adoptIdentifiers(from, to uint32) {
	f, t := r.profiles.Mut(from), r.profiles.Mut(to)
	last := uint32(0)
	for id := f.idents; id != 0; id = r.detail(id).next {
		r.idents.MutAt(id).profile = to
		r.writeIdentity(id)
		last = id
	}
	if last == 0 {
		return
	}
	r.mutDetail(last).next = t.idents
	if t.idents != 0 {
		r.mutDetail(t.idents).prev = last
	}
	t.idents, f.idents = f.idents, 0
}

// adoptMerged moves the profiles that a vanished one had taken up, and itself,
// to the list of the one that goes on.
func (r *Resolver) adoptMerged(from, to uint32) {
	f, t := r.profiles.Mut(from), r.profiles.Mut(to)
	last := from
	if f.merged != 0 {
		last = f.old
	}
	f.merged, f.old = 0, f.merged
	for old := from; old != 0; old = r.profiles.At(old).old {
		r.writeOverride(old, t.id)
	}
	if t.merged == 0 {
		t.old = last
	} else {
		r.profiles.Mut(last).old = t.merged
	}
	t.merged = from
}
