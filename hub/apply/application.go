package apply

import (
	"context"
	"errors"
	"slices"

	"google.golang.org/protobuf/proto"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	storev1 "github.com/canonhub/canonhub/gen/canonhub/store/v1"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/policy"
	"github.com/canonhub/canonhub/hub/store"
	"github.com/canonhub/canonhub/hub/view"
)

// application is one observation on its way through one transaction.
type application struct {
	a        *Applier
	tx       Tx
	in       *Input
	rules    *policy.Kind
	version  int64
	observed cleaned
	message  proto.Message
	key      store.LinkKey
	keys     []store.MatchKey
	refers   []store.LinkKey
	// receipt is what is heard again where more is to be done.
	receipt string
	// pulled says that it is one of a page, which is one transaction.
	pulled bool
	// both are the records to lock at once, where an earlier try found that it needs two.
	both *[]store.RecordID

	bundle *store.Bundle
	link   *store.Link
	// linked is the link as it was read; zero for a new one.
	linked store.Link
	// abandoned are the pushes that may have made the object, where it carries our id and was not known.
	abandoned []*store.Attempt
}

// run does the work under locks.
func (p *application) run(ctx context.Context) (Result, error) {
	if err := p.lockBoth(ctx); err != nil {
		return Result{}, err
	}
	contact, err := p.tx.LockContact(ctx, p.key, p.keys, p.refers)
	if err != nil {
		return Result{}, err
	}
	if contact.ActivePolicy != p.version {
		return Result{}, errPolicyMoved
	}
	p.bundle, p.link = contact.Bundle, contact.Link
	if p.link != nil {
		p.linked = *p.link
	}
	if p.link == nil {
		outcome, err := p.firstContact(ctx, contact)
		if err != nil || outcome != "" {
			return Result{Outcome: outcome}, err
		}
		if contact.Detached != "" {
			p.tx.DropView(p.key, contact.Detached) // it speaks for another record now
		}
		if contact.Waits {
			if err := p.a.found(ctx, p.tx, p.key); err != nil {
				return Result{}, err
			}
		}
	} else if outcome, err := p.fillPlaceholder(ctx, contact); err != nil || outcome != "" {
		return Result{Outcome: outcome}, err
	}
	if outcome := p.untimely(); outcome != "" {
		return Result{Outcome: outcome}, nil
	}
	if p.in.Observation.Gone {
		return p.gone(ctx, contact.Others)
	}
	// A delete outranks older updates: these are heard, since what an object said counts in whatever order it comes in, but do
	// not bring it back.
	if p.link.State == store.LinkGone && (p.in.Read || p.in.Observation.At.After(p.link.GoneAt)) {
		p.link.State, p.link.Archived = store.LinkLive, false
		p.bundle.Record.DeletedAt, p.bundle.Record.Archive = zeroTime, false
	}
	if err := p.resolveReferences(ctx, contact.Others); err != nil {
		return Result{}, err
	}
	return p.observe(ctx)
}

// untimely says why the observation cannot be taken now.
func (p *application) untimely() Outcome {
	if p.bundle.PendingAttempt(p.key.Connection) != nil {
		return Waiting // whether this is the echo of that push cannot be told yet
	}
	if p.in.Read && (p.in.Epoch.Linked && p.in.Epoch.Number != p.link.Epoch || !p.in.Epoch.Linked && p.link.Epoch > 0) {
		return Overtaken
	}
	if p.in.Read && p.outrun() {
		return Overtaken
	}
	return ""
}

// outrun says that something newer than what was read was heard since the read began: it came too late to be the state now.
func (p *application) outrun() bool {
	stored := p.bundle.View(p.key.Connection, p.key.ExternalID)
	if stored == nil || p.in.Epoch.Began.IsZero() {
		return false
	}
	newest := stored.View.Newest()
	read := view.Stamp{Time: p.in.Observation.At.UTC(), Version: p.in.Observation.Version}
	return newest.Seen.After(p.in.Epoch.Began) && read.Compare(newest) < 0
}

// firstContact finds the record of an object that is not linked: by our own id on it, by its match keys, or as a new
// one. It returns an outcome where that ends the matter.
func (p *application) firstContact(ctx context.Context, contact *store.Contact) (Outcome, error) {
	switch {
	case contact.Erased:
		return Erased, nil
	case p.in.Observation.Gone:
		p.tx.PutGone(p.key, p.in.Observation.At)
		if contact.Waits {
			return Gone, p.a.found(ctx, p.tx, p.key) // what it said is heard to its end: it waits for no record any more
		}
		return Gone, nil // the end of an object that we never knew
	case contact.GoneAt.IsZero() || p.in.Observation.At.After(contact.GoneAt):
	case !p.in.Read:
		return Stale, nil
	case contact.GoneNoted.After(p.in.Epoch.Began):
		return Overtaken, nil // it was gone before this read came back
	}
	matches := contact.Matches
	if id := store.RecordID(p.in.Observation.RecordID); id != "" {
		b, err := p.ours(ctx, id, contact.Barred)
		if err != nil {
			return "", err
		}
		if b != nil && !b.Record.ErasedAt.IsZero() {
			p.tx.PutErased(p.key, b.Record.ID) // a push made it, and nobody heard of it before the record was erased
			return Erased, nil
		}
		if b != nil {
			p.adopt(b)
			return "", nil
		}
	}
	switch {
	case len(matches) > 1:
		p.tx.PutReview(store.Review{LinkKey: p.key, Reason: store.AmbiguousMatch, RecordIDs: matches,
			ReceiptID: p.receipt, CorrelationID: p.in.CorrelationID})
		return Reviewed, nil
	case len(matches) == 1:
		b, err := p.tx.LockBundle(ctx, matches[0])
		if err == nil && !b.Record.ErasedAt.IsZero() {
			err = store.Moved()
		}
		if err != nil {
			return "", err
		}
		p.adopt(b)
	case !p.rules.MayCreate(p.key.Connection):
		for _, key := range append(p.keys, store.MatchKey{}) { // the empty one for those that wait for leave to make a record
			p.tx.PutOrphan(p.key, key, p.receipt)
		}
		return Orphaned, nil
	default:
		record, err := p.a.newRecord(p.key.Kind, p.key.Connection, p.version)
		if err != nil {
			return "", err
		}
		p.adopt(&store.Bundle{Record: record})
	}
	return "", nil
}

// ours is the record whose id the object carries, where it may be linked to it, or that was erased; nil where it may not.
func (p *application) ours(ctx context.Context, id store.RecordID, barred []store.RecordID) (*store.Bundle, error) {
	living, err := p.tx.Living(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && slices.Contains(barred, living[0]) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	b, err := p.tx.LockBundle(ctx, id)
	if err != nil {
		return nil, err
	}
	switch {
	case b.Record.Kind != p.key.Kind:
		return nil, nil
	case !b.Record.ErasedAt.IsZero():
		return b, nil
	case b.PendingAttempt(p.key.Connection) != nil:
		return b, nil // it may be what that made
	}
	p.abandoned, err = p.tx.AbandonedCreates(ctx, b.Record.ID, p.key.Connection)
	if len(p.abandoned) == 0 && b.Primary(p.key.Connection) != nil {
		return nil, err // a copy of the record's object, with all that was in it
	}
	return b, err
}

// adopt links the object to a record.
func (p *application) adopt(b *store.Bundle) {
	p.bundle = b
	p.link = newLink(p.key, b)
	b.Links = append(b.Links, p.link)
}

// newLink links an object to a record. Where the connection has a live one already, that speaks for it.
func newLink(key store.LinkKey, b *store.Bundle) *store.Link {
	first := b.Primary(key.Connection)
	return &store.Link{LinkKey: key, RecordID: b.Record.ID, BornOn: b.Record.ID, State: store.LinkLive, Primary: first == nil}
}

// fillPlaceholder joins a placeholder to the record that its object turns out to be, by our own id on it or by its match
// keys: nothing but its link moves. It returns an outcome where that ends the matter.
func (p *application) fillPlaceholder(ctx context.Context, contact *store.Contact) (Outcome, error) {
	if !p.bundle.Record.Placeholder {
		return "", nil
	}
	b, err := p.made(ctx, contact.Barred)
	if err != nil {
		return "", err
	}
	if b != nil && b.PendingAttempt(p.key.Connection) != nil {
		return Waiting, nil // it is what that made, or made before
	}
	if b == nil && len(contact.Matches) == 1 {
		b, err = p.other(ctx, contact.Matches[0])
	}
	if err != nil || b == nil {
		return "", err
	}
	return "", p.join(ctx, p.bundle, b, "a placeholder that is this record")
}

// made is the record for which the hub made the object of a placeholder; nil where it did not.
func (p *application) made(ctx context.Context, barred []store.RecordID) (*store.Bundle, error) {
	id := store.RecordID(p.in.Observation.RecordID)
	if id == "" {
		return nil, nil
	}
	if b, err := p.other(ctx, id); err != nil || b == nil {
		return nil, err
	}
	b, err := p.ours(ctx, id, barred)
	if b != nil && !b.Record.ErasedAt.IsZero() {
		return nil, err
	}
	return b, err
}

// other locks a record beside the object's own; nil where it is that one, or none.
func (p *application) other(ctx context.Context, id store.RecordID) (*store.Bundle, error) {
	living, err := p.tx.Living(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && living[0] == p.bundle.Record.ID {
		return nil, nil
	}
	if err == nil {
		err = p.needBoth(p.bundle.Record.ID, living[0])
	}
	if err != nil {
		return nil, err
	}
	b, err := p.tx.LockBundle(ctx, living[0])
	if err == nil && !b.Record.ErasedAt.IsZero() {
		err = store.Moved()
	}
	return b, err
}

// join merges two records that are locked, one of which is the object's, and goes on with the one that lives.
func (p *application) join(ctx context.Context, merged, survivor *store.Bundle, why string) error {
	b, err := p.a.join(ctx, p.tx, merged, survivor, p.in.Cause, why)
	if err != nil {
		return err
	}
	p.bundle, p.link = b, b.Link(p.key)
	if p.link == nil {
		return store.Moved()
	}
	p.linked = *p.link
	return nil
}

// lockBoth locks the two records that an earlier try found to be needed.
func (p *application) lockBoth(ctx context.Context) error {
	if len(*p.both) == 0 {
		return nil
	}
	bundles, err := p.tx.LockRecords(ctx, store.Locks{Kind: p.key.Kind, Keys: p.keys, Records: *p.both,
		Objects: append(slices.Clone(p.refers), p.key)})
	if err != nil {
		return err
	}
	for _, b := range bundles {
		if b.Record.MergedInto != "" {
			*p.both = nil
			return store.Moved()
		}
	}
	return nil
}

// needBoth begins anew unless two records are locked: a second one cannot be locked behind the first.
func (p *application) needBoth(a, b store.RecordID) error {
	if slices.Contains(*p.both, a) && slices.Contains(*p.both, b) {
		return nil
	}
	*p.both = []store.RecordID{a, b}
	return store.Moved()
}

// observe merges the observation into the view and folds.
func (p *application) observe(ctx context.Context) (Result, error) {
	stored := p.bundle.View(p.key.Connection, p.key.ExternalID)
	if stored == nil {
		stored = &store.View{RecordID: p.bundle.Record.ID, Source: p.key.Connection, ExternalID: p.key.ExternalID, View: view.New(p.rules.Schema)}
		p.bundle.Views = append(p.bundle.Views, stored)
	}
	o := p.in.Observation
	stamp := view.Stamp{Time: o.At.UTC(), Version: o.Version, Seen: p.in.SeenAt.UTC()}
	p.madeBefore(stored.View, stamp)
	said := p.observed.observation(p.message, stamp, p.in.Read)
	said.InTurn = !p.fetchable()
	outcome := Outcome(stored.View.Observe(said))
	if outcome == Ambiguous {
		return Result{Outcome: Ambiguous}, nil
	}
	if len(p.abandoned) > 0 {
		outcome = Applied
	}
	if outcome == Applied {
		stored.View.Unusable = p.observed.unusable
		stored.Raw, stored.MappingVersion = o.Raw, p.in.MappingVersion
	}
	if p.in.Read {
		p.link.Epoch++
		p.link.ReadBegan = p.in.Epoch.Began
	}
	if p.bundle.Record.Placeholder {
		p.bundle.Record.Placeholder, p.bundle.Record.Creator = false, p.key.Connection
	}
	return p.store(ctx, outcome, stored)
}

// store writes the bundle's record, and the link and view after it, for their foreign keys.
func (p *application) store(ctx context.Context, outcome Outcome, stored *store.View) (Result, error) {
	f := &fold{a: p.a, tx: p.tx, bundle: p.bundle, rules: p.rules, version: p.version, cause: p.in.Cause}
	elect(p.tx, p.bundle, p.link)
	changed, err := f.record()
	if err != nil {
		return Result{}, err
	}
	if *p.link != p.linked {
		p.tx.PutLink(p.link)
	}
	if outcome == Applied && stored != nil {
		if err := p.tx.PutView(stored); err != nil {
			return Result{}, err
		}
	}
	if err := f.follow(ctx); err != nil {
		return Result{}, err
	}
	return p.result(outcome, changed), nil
}

func (p *application) result(outcome Outcome, changed []model.Path) Result {
	return Result{Outcome: outcome, RecordID: p.bundle.Record.ID, Revision: p.bundle.Record.Revision, Changed: changed}
}

// survivor is the object that lives on after a merge at the source.
func survivor(in *Input) store.LinkKey {
	return store.LinkKey{Connection: in.Source, Kind: model.Kind(in.Observation.Kind), ExternalID: string(in.Observation.MergedInto)}
}

// gone takes note that the object is gone, and does what the policy says of that. One that was merged into another was
// not deleted: its party lives on.
func (p *application) gone(ctx context.Context, others map[store.LinkKey]*store.Link) (Result, error) {
	if p.in.Observation.Erase && !p.elsewhere() {
		if p.pulled { // of a pull, whose page is one transaction: it is heard as an event is
			return Result{Outcome: Waiting}, nil
		}
		return Result{}, &forget{p.bundle.Record.ID}
	}
	if p.in.Observation.Erase {
		p.tx.PutReview(store.Review{LinkKey: p.key, Reason: store.EraseRequested, RecordIDs: []store.RecordID{p.bundle.Record.ID},
			ReceiptID: p.receipt, CorrelationID: p.in.CorrelationID})
	}
	if p.link.State == store.LinkGone {
		return p.result(Duplicate, nil), nil
	}
	if p.cameBack() {
		return Result{Outcome: Ambiguous}, nil
	}
	lose(p.link, p.in.Observation.At)
	if p.in.Observation.MergedInto == "" {
		p.a.deleted(p.rules, p.bundle, p.link)
	} else if err := p.mergedAtSource(ctx, others[survivor(p.in)]); err != nil {
		return Result{}, err
	}
	return p.store(ctx, Gone, nil)
}

// elsewhere says that another connection has an object of the record.
func (p *application) elsewhere() bool {
	return slices.ContainsFunc(p.bundle.Links, func(l *store.Link) bool {
		return l.Connection != p.key.Connection && l.Speaks() && l.State != store.LinkGone
	})
}

// fetchable says that the source can be asked for what an object is now. A folder of files cannot: of two rows of one file,
// or of one day, the later counts.
func (p *application) fetchable() bool {
	c := p.a.Connections[p.key.Connection]
	return c == nil || c.Adapter == nil || c.Adapter.Fetcher != nil
}

// cameBack says that something newer than its end is known of the object: whether it is there is to be looked up, where it
// can be.
func (p *application) cameBack() bool {
	c, stored := p.a.Connections[p.key.Connection], p.bundle.View(p.key.Connection, p.key.ExternalID)
	if p.in.Read || stored == nil || c == nil || c.Adapter.Fetcher == nil {
		return false
	}
	return stored.View.Newest().Compare(view.Stamp{Time: p.in.Observation.At, Version: p.in.Observation.Version}) > 0
}

// mergedAtSource does what follows from a merge at the source: where the source is trusted with that, the records are
// merged, too; else a person is asked.
func (p *application) mergedAtSource(ctx context.Context, other *store.Link) error {
	own := p.bundle.Record.ID
	switch {
	case other != nil && other.RecordID == own: // the record has both
		return nil
	case !p.rules.MayMerge(p.key.Connection), other != nil && !other.Speaks(): // that one's record was erased: is this one's to be, too?
		records := []store.RecordID{own}
		if other != nil {
			records = append(records, other.RecordID)
		}
		p.tx.PutReview(store.Review{LinkKey: p.key, Reason: store.MergedAtSource, RecordIDs: records,
			ReceiptID: p.receipt, CorrelationID: p.in.CorrelationID})
		return nil
	case other == nil:
		link := newLink(survivor(p.in), p.bundle)
		p.bundle.Links = append(p.bundle.Links, link)
		p.tx.PutLink(link)
		return p.a.found(ctx, p.tx, link.LinkKey) // it may have waited for a record until now
	}
	if err := p.needBoth(own, other.RecordID); err != nil {
		return err
	}
	b, err := p.tx.LockBundle(ctx, other.RecordID)
	if err != nil {
		return err
	}
	p.tx.PutLink(p.link) // the bundle is read again
	merged, survivor := byAge(p.bundle, b)
	return p.join(ctx, merged, survivor, "the objects were merged at "+p.key.Connection)
}

// resolveReferences points the message to records, making placeholders for objects that have not arrived yet.
func (p *application) resolveReferences(ctx context.Context, others map[store.LinkKey]*store.Link) error {
	for ref := range p.rules.Schema.References(p.message) {
		external := ref.Target.GetExternal()
		if external == nil {
			continue
		}
		key := referred(ref, external, p.key.Connection)
		link := others[key]
		if link == nil {
			var err error
			if link, err = p.placeholder(ctx, key); err != nil {
				return err
			}
			others[key] = link
		}
		// As it was called when it was linked: what that was merged into is told by the redirects.
		ref.Target.Target = &canonicalv1.Reference_RecordId{RecordId: string(link.BornOn)}
		if link.BornOn != link.RecordID {
			p.bundle.Redirect(link.BornOn, link.RecordID)
		}
	}
	return nil
}

// placeholder makes a record that has nothing but a link: the object fills it later. What an object said that a person took
// from a record is dropped: it begins anew.
func (p *application) placeholder(ctx context.Context, key store.LinkKey) (*store.Link, error) {
	taken, err := p.tx.LinkOf(ctx, key)
	if err != nil {
		return nil, err
	}
	if taken != nil {
		p.tx.DropView(key, taken.RecordID)
	}
	if err := p.a.found(ctx, p.tx, key); err != nil {
		return nil, err
	}
	record, err := p.a.newRecord(key.Kind, key.Connection, p.version)
	if err != nil {
		return nil, err
	}
	record.Placeholder, record.Revision = true, 1
	if err := p.tx.PutRecord(record); err != nil {
		return nil, err
	}
	link := newLink(key, &store.Bundle{Record: record})
	if at, err := p.tx.GoneAt(ctx, key); err != nil {
		return nil, err
	} else if !at.IsZero() {
		link.State, link.GoneAt = store.LinkGone, at
	}
	p.tx.PutLink(link)
	p.tx.PutChange(&store.Change{RecordID: record.ID, Revision: 1, Kind: key.Kind, Paths: []string{}, Source: p.key.Connection, CorrelationID: p.in.CorrelationID})
	return link, nil
}

func (a *Applier) newRecord(kind model.Kind, creator string, version int64) (*store.Record, error) {
	id, err := a.NewID(kind)
	if err != nil {
		return nil, err
	}
	return &store.Record{ID: id, Kind: kind, Message: model.For(kind).New(), Provenance: &storev1.Provenance{},
		PolicyVersion: version, Creator: creator}, nil
}
