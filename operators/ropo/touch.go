package ropo

import (
	"bytes"
	"encoding/binary"

	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
)

// textHash is the hash by which products, skus, categories and stores are
// compared; 0 is absent.
func (s *shard) textHash(v []byte) uint64 {
	if len(v) == 0 {
		return 0
	}
	return s.turn.Hasher.Sum(event.TagText, v).Lo
}

// categoryHashes keeps the hashes of categories, which are few and come again
// and again.
type categoryHashes [recentSize]struct {
	text []byte
	hash uint64
}

// categoryBytesMax bounds what is kept.
const categoryBytesMax = 64

func (c *categoryHashes) hash(s *shard, v []byte) uint64 {
	if len(v) == 0 || len(v) > categoryBytesMax {
		return s.textHash(v)
	}
	at := &c[placeOf(spread(v))]
	if !bytes.Equal(at.text, v) {
		at.text, at.hash = append(at.text[:0], v...), s.textHash(v)
	}
	return at.hash
}

// source is what touches of one event have in common. Its texts are lent.
type source struct {
	message                   messageID
	form                      idForm
	id                        []byte // of textID
	channel, device, campaign []byte
}

func (c *source) setID(text []byte) {
	c.id = text
	c.message, c.form = parseID(text)
}

// setKey takes the id from its key.
func (c *source) setKey(key []byte) {
	if key[0] == keyOfText {
		c.setID(key[1:])
		return
	}
	c.message = messageID{hi: binary.BigEndian.Uint64(key[1:]), lo: binary.BigEndian.Uint64(key[9:])}
}

func (s *shard) touchRow(id uint32, r *event.Row) {
	b, row := r.At()
	head := &b.Head[row]
	c := source{channel: b.Text(event.Channel, row), device: b.Text(event.DeviceType, row), campaign: b.Text(event.Campaign, row)}
	if head.Flags&event.IsPositional != 0 {
		c.message = positionOf(b, row)
	} else {
		c.setID(b.Text(event.MessageID, row))
	}
	t := touch{at: r.Time(), offline: event.IsOffline(c.channel)}
	if len(c.channel) == 0 {
		t.offline = r.Name == event.TagRead || r.Name == event.Custom
	}
	if head.ItemCount == 0 || head.Product != 0 || r.Name == event.ProductListViewed {
		t.product, t.sku = head.Product, head.SKU
		t.category = s.categories.hash(s, b.Text(event.Category, row))
		s.addTouch(id, t, &c, r.Late)
		return
	}
	for i := int(head.ItemFirst); i < int(head.ItemFirst+head.ItemCount); i++ {
		t.product = s.textHash(b.ItemText(event.ProductID, i))
		t.sku = s.textHash(b.ItemText(event.SKU, i))
		t.category = s.categories.hash(s, b.ItemText(event.Category, i))
		s.addTouch(id, t, &c, r.Late)
	}
}

// addTouch remembers a touch. One that comes late also adds to the orders
// behind it; any other is the newest of all.
func (s *shard) addTouch(id uint32, t touch, c *source, isLate bool) {
	if t.product|t.sku|t.category == 0 && !s.op.cfg.MatchAny {
		return
	}
	t.message, t.form = c.message, c.form
	if t.form == textID {
		t.message.lo = uint64(s.arena.Put(c.id))
	}
	t.trait = s.takeTrait(c.channel, c.device, c.campaign)
	p := s.profiles.MutAt(id)
	if isLate {
		s.matchOrders(p, &t)
		s.keepTouch(p, t)
		s.writeChanged(id)
		return
	}
	s.keepTouch(p, t)
}

// keepTouch inserts the touch in order; over the cap the oldest goes.
func (s *shard) keepTouch(p *profile, t touch) {
	if int(p.touches) >= int(s.op.cfg.Touches) {
		oldest := s.touches.At(p.oldest)
		if s.touchLess(&t, oldest) {
			p.dropped = max(p.dropped, t.at)
			s.freeTexts(&t)
			return
		}
		p.dropped = max(p.dropped, oldest.at)
		s.dropOldest(p)
	}
	id := s.touches.Alloc()
	kept := s.touches.Mut(id)
	*kept = t
	p.touches++
	switch {
	case p.oldest == 0:
		p.oldest, p.newest, kept.next = id, id, 0
	case !s.touchLess(&t, s.touches.At(p.newest)):
		s.touches.Mut(p.newest).next = id
		p.newest, kept.next = id, 0
	default:
		s.insertTouch(p, id)
	}
}

// insertTouch puts a touch that is not the newest in its place.
func (s *shard) insertTouch(p *profile, id uint32) {
	t := s.touches.Mut(id)
	at := &p.oldest
	for !s.touchLess(t, s.touches.At(*at)) {
		at = &s.touches.Mut(*at).next
	}
	t.next, *at = *at, id
}

// dropOldest lets the oldest of the profile's touches go.
func (s *shard) dropOldest(p *profile) {
	id := p.oldest
	t := s.touches.At(id)
	s.freeTexts(t)
	if p.oldest = t.next; p.oldest == 0 {
		p.newest = 0
	}
	p.touches--
	s.touches.Free(id)
}

// freeTexts frees what a touch holds besides its entry.
func (s *shard) freeTexts(t *touch) {
	if t.form == textID {
		s.arena.Free(flat.Ref(t.message.lo))
	}
	s.dropTrait(t.trait)
}

// touchLess orders touches by (time, message id).
func (s *shard) touchLess(a, b *touch) bool {
	switch {
	case a.at != b.at:
		return a.at < b.at
	case a.form == b.form && a.form != textID:
		return a.message.compare(b.message) < 0
	}
	s.other = append(s.other[:0], s.keyOf(a)...)
	return bytes.Compare(s.other, s.keyOf(b)) < 0
}

// textsOf are the texts of a touch, packed for a level. They are lent until the
// next call.
func (s *shard) textsOf(t *touch) []byte {
	s.scratch = append(pack(s.scratch, s.keyOf(t)), s.arena.Get(s.traits.At(t.trait).texts)...)
	return s.scratch
}
