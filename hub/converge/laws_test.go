package converge_test

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/policy"
	"github.com/canonhub/canonhub/hub/store"
	"github.com/canonhub/canonhub/hub/view"
)

// laws are what holds at rest.
func (w *world) laws() {
	w.nothingOwed()
	w.identities()
	w.twins()
	for _, id := range w.facts.records.keys {
		r, _ := w.facts.records.get(id)
		if r.MergedInto != "" || w.rules(r.Kind) == nil {
			continue
		}
		b := w.facts.bundle(id)
		w.claims(b)
		w.folded(b)
		w.targets(b)
	}
	w.objects()
}

func (w *world) rules(kind model.Kind) *policy.Kind {
	return w.compiled[len(w.facts.policies)].Policy.Kind(kind)
}

// nothingOwed: no push is under way, no job is left, no receipt waits, and what waits or was given up has its reason.
func (w *world) nothingOwed() {
	w.facts.attempts.each(func(_ int64, a attemptRow) {
		if a.state == store.Pending {
			w.fail("an attempt for %s at %s is open", short(a.RecordID), a.Connection)
		}
	})
	w.facts.receipts.each(func(id string, r receiptRow) {
		if r.State == "pending" || r.State == "dead" && !w.troubled(r.Connection) {
			w.fail("%s is %s: %s", id, r.State, r.outcome)
		}
	})
	w.facts.deliveries.each(func(key deliveryKey, d store.Delivery) {
		if d.State == store.Owed {
			w.fail("a delivery of %s to %s is owed and has no job", short(key.id), key.connection)
		}
	})
}

// troubled says that receipts of a vendor may have been given up.
func (w *world) troubled(connection string) bool {
	return slices.ContainsFunc(w.story, func(line string) bool {
		return strings.HasPrefix(line, connection+" soon ")
	})
}

// identities: redirects end in records that live, links are of those, and each connection has one primary.
func (w *world) identities() {
	w.facts.records.each(func(id store.RecordID, r store.Record) {
		if to, there := w.facts.records.get(w.facts.living(id)); !there || to.MergedInto != "" {
			w.fail("%s leads to %s, which does not live", short(id), short(r.MergedInto))
		}
	})
	w.facts.links.each(func(key store.LinkKey, l store.Link) {
		if r, there := w.facts.records.get(l.RecordID); !there || l.Speaks() && r.MergedInto != "" {
			w.fail("%s is linked to %s, which does not live", key.ExternalID, short(l.RecordID))
		}
	})
	w.primaries()
}

// primaries: of the objects that a connection has for a record, one speaks.
func (w *world) primaries() {
	type lane struct {
		id         store.RecordID
		connection string
	}
	primary := map[lane]int{}
	w.facts.links.each(func(key store.LinkKey, l store.Link) {
		if l.Speaks() && l.Primary {
			primary[lane{l.RecordID, key.Connection}]++
		}
	})
	w.facts.links.each(func(key store.LinkKey, l store.Link) {
		if n := primary[lane{l.RecordID, key.Connection}]; l.Speaks() && n != 1 {
			w.fail("%s has %d primary objects at %s", short(l.RecordID), n, key.Connection)
		}
	})
}

// twins: of records that share a match key, a person was asked whether they are one.
func (w *world) twins() {
	asked := func(a, b store.RecordID) bool {
		found := false
		w.facts.reviews.each(func(_ int64, r store.Review) {
			found = found || slices.Contains(r.RecordIDs, a) && slices.Contains(r.RecordIDs, b)
		})
		return found
	}
	w.facts.matches.each(func(m matchRow, _ bool) {
		w.facts.matches.each(func(other matchRow, _ bool) {
			if m.id < other.id && m.kind == other.kind && m.key == other.key && !asked(m.id, other.id) {
				w.fail("%s and %s share %s, and nobody was asked", short(m.id), short(other.id), m.key.Value)
			}
		})
	})
}

// always is what holds whenever a transaction has committed.
func (w *world) always() {
	w.primaries()
	for _, id := range w.facts.records.keys {
		r, _ := w.facts.records.get(id)
		if r.MergedInto == "" && r.PolicyVersion == int64(len(w.facts.policies)) && w.rules(r.Kind) != nil {
			w.folded(w.facts.bundle(id))
		}
	}
}

// folded: the record is what its views say, folded from scratch, and by a second reading of the policy.
func (w *world) folded(b *store.Bundle) {
	rules := w.rules(b.Record.Kind)
	if b.Record.PolicyVersion != int64(len(w.facts.policies)) {
		w.fail("%s was folded by policy %d", short(b.Record.ID), b.Record.PolicyVersion)
	}
	for _, v := range b.Views {
		if b.Record.Placeholder && b.Link(store.LinkKey{Connection: v.Source, Kind: b.Record.Kind, ExternalID: v.ExternalID}).Speaks() {
			w.fail("%s is a placeholder, and %s has told what it is", short(b.Record.ID), v.Source)
		}
	}
	sources := apply.Sources(rules, b)
	r := rules.Resolve(sources)
	has := proto.Clone(b.Record.Message)
	view.Redirect(rules.Schema, has, w.redirects()) // references to what was merged are followed by who reads them
	if !proto.Equal(r.Message, has) {
		w.fail("%s is %s, and its views say %s", short(b.Record.ID), tell(has), tell(r.Message))
	}
	w.decided(b, sources, r)
}

// redirects are the records that others answer for.
func (w *world) redirects() map[string]string {
	all := map[string]string{}
	w.facts.records.each(func(id store.RecordID, r store.Record) {
		if r.MergedInto != "" {
			all[string(id)] = string(r.MergedInto)
		}
	})
	return all
}

// targets: each target holds what the policy says, for each attribute that it takes.
func (w *world) targets(b *store.Bundle) {
	rules := w.rules(b.Record.Kind)
	r := rules.Resolve(apply.Sources(rules, b))
	if b.Record.Placeholder || !b.Record.DeletedAt.IsZero() {
		return
	}
	for _, target := range rules.Targets() {
		v := w.vendor(target.Connection)
		if !target.Wants(r) {
			continue
		}
		links := 0
		for _, l := range b.Links {
			if l.Connection != v.name || !l.Speaks() {
				continue
			}
			links++
			if l.State == store.LinkLive {
				w.agrees(b, r, target, v, l)
			}
		}
		if links == 0 && target.Create && v.creates {
			w.missing(b, r, target, v)
		}
	}
}

// agrees: an object holds what the record says, in the vendor's form, but for what the vendor refuses or undoes.
func (w *world) agrees(b *store.Bundle, r *policy.Resolution, target *policy.Target, v *vendor, l *store.Link) {
	o := v.object(l.Kind, adapters.ExternalID(l.ExternalID))
	if o == nil || o.gone {
		w.fail("%s is linked to %s, which is not there", short(b.Record.ID), l.ExternalID)
	}
	for _, path := range v.takes[l.Kind] {
		if !target.Takes(path) || !r.Accepted(path) || w.excused(b, r, v, l, path) {
			continue
		}
		wants, has := w.asAt(v, r.Message, path), text(o.message, path)
		if wants != has && !(path == "customer" && w.refers(v, has, store.RecordID(text(r.Message, path)))) {
			w.fail("%s of %s is %q, and %s at %s has %q", path, short(b.Record.ID), wants, l.ExternalID, v, has)
		}
	}
}

// asAt is a record's value as a vendor would have it.
func (w *world) asAt(v *vendor, m proto.Message, path model.Path) string {
	value := text(m, path)
	switch {
	case value == none || path == "tags":
		return value
	case path == "customer":
		external, err := w.facts.ExternalID(background, store.RecordID(value), v.name)
		if err != nil {
			return "an object that is not there"
		}
		return external
	}
	return v.normal(value)
}

// refers says that an object at a vendor is, or was before a person took it away, the customer's that a record refers to.
func (w *world) refers(v *vendor, externalID string, customer store.RecordID) bool {
	key := store.LinkKey{Connection: v.name, Kind: model.Customer, ExternalID: externalID}
	l, linked := w.facts.links.get(key)
	return linked && (l.RecordID == w.facts.living(customer) || w.byHand[key])
}

// excused says why an object may differ from the record.
func (w *world) excused(b *store.Bundle, r *policy.Resolution, v *vendor, l *store.Link, path model.Path) bool {
	stored := b.View(v.name, l.ExternalID)
	switch d := b.Delivery(v.name); {
	case d != nil && (d.State == store.Blocked || d.State == store.Dead): // judged by itself
		return w.stuck(b, r, v, d)
	case v.refused(r.Message, path) && text(v.object(l.Kind, adapters.ExternalID(l.ExternalID)).message, path) != w.asAt(v, r.Message, path):
		return true
	case r.Disputes(path, v.name):
		return true
	case stored != nil && stored.View.Contested(path, r.Message):
		return v.undoes[path] != ""
	case stored == nil && !l.Primary:
		return true // nothing is known of it
	case !l.Primary && w.matched(b.Record.Kind, path):
		return true
	}
	return false
}

// matched says that objects are told apart by an attribute.
func (w *world) matched(kind model.Kind, path model.Path) bool {
	return slices.ContainsFunc(w.rules(kind).Match(), func(key policy.MatchKey) bool { return slices.Contains(key, path) })
}

// stuck says why a delivery waits, or was given up, in a world without trouble.
func (w *world) stuck(b *store.Bundle, r *policy.Resolution, v *vendor, d *store.Delivery) bool {
	if d.State == store.Blocked {
		customer := text(r.Message, "customer")
		_, err := w.facts.ExternalID(background, store.RecordID(customer), v.name)
		if b.Record.Kind != model.Order || customer == none || err == nil {
			w.fail("the delivery of %s to %s waits for nothing: %s", short(b.Record.ID), v, d.Reason)
		}
		return true
	}
	if !strings.Contains(d.Reason, "a review is open") && !strings.Contains(d.Reason, "not so here") {
		w.fail("the delivery of %s to %s was given up: %s", short(b.Record.ID), v, d.Reason)
	}
	return true
}

// missing: a record without an object at a target that is to have one has nothing that could be brought there.
func (w *world) missing(b *store.Bundle, r *policy.Resolution, target *policy.Target, v *vendor) {
	if d := b.Delivery(v.name); d != nil && (d.State == store.Blocked || d.State == store.Dead) && w.stuck(b, r, v, d) {
		return
	}
	for _, path := range v.takes[b.Record.Kind] {
		if target.Takes(path) && r.Accepted(path) && text(r.Message, path) != none && !v.refused(r.Message, path) {
			w.fail("%s has %s, and no object at %s", short(b.Record.ID), path, v)
		}
	}
}

// objects: each object that is there is linked, or its hub says why not; and none was made twice.
func (w *world) objects() {
	for _, v := range w.vendors {
		made := map[string]adapters.ExternalID{}
		for _, o := range v.objects {
			key := v.key(o)
			l, linked := w.facts.links.get(key)
			if o.gone || w.rules(key.Kind) == nil {
				continue
			}
			if (!linked || !l.Speaks()) && !w.unlinkedFor(key) {
				w.fail("%s at %s is no record's", o.ExternalID, v)
			}
			if linked && l.Speaks() && l.State != store.LinkLive {
				w.fail("%s at %s is there, and the hub takes it for %s", o.ExternalID, v, l.State)
			}
			if o.recordID != "" && made[o.recordID] != "" && !w.handled(v, o) {
				w.fail("%s and %s at %s were both made for %s", made[o.recordID], o.ExternalID, v, short(store.RecordID(o.recordID)))
			}
			made[o.recordID] = o.ExternalID
		}
	}
}

// unlinkedFor says why an object is no record's: it waits for one, or for a person.
func (w *world) unlinkedFor(key store.LinkKey) bool {
	waits := w.byHand[key]
	w.facts.orphans.each(func(o orphanKey, _ bool) { waits = waits || o.link == key })
	w.facts.reviews.each(func(_ int64, r store.Review) {
		waits = waits || r.LinkKey == key && r.Reason == store.AmbiguousMatch
	})
	return waits
}
