package apply

import (
	"context"
	"errors"

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

	bundle *store.Bundle
	link   *store.Link
	// linked is the link as it was read; zero for a new one.
	linked store.Link
}

// run does the work under locks.
func (p *application) run(ctx context.Context) (Result, error) {
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
	} else if err := p.fillPlaceholder(ctx, contact.Matches); err != nil {
		return Result{}, err
	}
	if outcome := p.untimely(); outcome != "" {
		return Result{Outcome: outcome}, nil
	}
	if p.in.Observation.Gone {
		return p.gone(ctx, contact.Others)
	}
	if p.link.State == store.LinkGone {
		if !p.in.Read && !p.in.Observation.At.After(p.link.GoneAt) {
			return p.result(Stale, nil), nil // a delete outranks older updates
		}
		p.link.State, p.bundle.Record.DeletedAt = store.LinkLive, zeroTime
	}
	if err := p.resolveReferences(contact.Others); err != nil {
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
	return ""
}

// firstContact finds the record of an object that is not linked: by our own id on it, by its match keys, or as a new
// one. It returns an outcome where that ends the matter.
func (p *application) firstContact(ctx context.Context, contact *store.Contact) (Outcome, error) {
	switch {
	case p.in.Observation.Gone:
		p.tx.PutGone(p.key, p.in.Observation.At)
		return Gone, nil // the end of an object that we never knew
	case !p.in.Read && !contact.GoneAt.IsZero() && !p.in.Observation.At.After(contact.GoneAt):
		return Stale, nil
	}
	matches := contact.Matches
	if id := store.RecordID(p.in.Observation.RecordID); id != "" {
		b, err := p.tx.LockBundle(ctx, id)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return "", err
		}
		if err == nil && b.Record.Kind == p.key.Kind && b.Primary(p.key.Connection) == nil {
			p.adopt(b)
			return "", nil
		}
	}
	switch {
	case len(matches) > 1:
		p.tx.PutReview(store.Review{LinkKey: p.key, Reason: store.AmbiguousMatch, RecordIDs: matches,
			ReceiptID: p.in.ReceiptID, CorrelationID: p.in.CorrelationID})
		return Reviewed, nil
	case len(matches) == 1:
		b, err := p.tx.LockBundle(ctx, matches[0])
		if err != nil {
			return "", err
		}
		p.adopt(b)
	case !p.rules.MayCreate(p.key.Connection):
		for _, key := range append(p.keys, store.MatchKey{}) { // the empty one for those that wait for leave to make a record
			p.tx.PutOrphan(p.key, key, p.in.ReceiptID)
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

// adopt links the object to a record.
func (p *application) adopt(b *store.Bundle) {
	p.bundle = b
	p.link = &store.Link{LinkKey: p.key, RecordID: b.Record.ID, State: store.LinkLive, Primary: b.Primary(p.key.Connection) == nil}
	b.Links = append(b.Links, p.link)
}

// fillPlaceholder joins a placeholder to the record that its object turns out to be: nothing but its link moves.
func (p *application) fillPlaceholder(ctx context.Context, matches []store.RecordID) error {
	placeholder := p.bundle.Record
	if !placeholder.Placeholder || len(matches) != 1 || matches[0] == placeholder.ID {
		return nil
	}
	b, err := p.tx.LockBundle(ctx, matches[0])
	if err != nil {
		return err
	}
	p.tx.Redirect(placeholder.ID, b.Record.ID)
	p.adopt(b)
	return nil
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
	outcome := Outcome(stored.View.Observe(p.observed.observation(p.rules.Schema, p.message, stored.View, stamp, p.in.Read)))
	if outcome == Ambiguous {
		return Result{Outcome: Ambiguous}, nil
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
// not deleted: its party lives on, and a person is asked about the records.
func (p *application) gone(ctx context.Context, others map[store.LinkKey]*store.Link) (Result, error) {
	if p.link.State == store.LinkGone {
		return p.result(Duplicate, nil), nil
	}
	p.link.State, p.link.GoneAt = store.LinkGone, p.in.Observation.At
	p.link.Epoch++
	switch {
	case p.in.Observation.MergedInto != "":
		records := []store.RecordID{p.bundle.Record.ID}
		if other := others[survivor(p.in)]; other != nil && other.RecordID != p.bundle.Record.ID {
			records = append(records, other.RecordID)
		}
		p.tx.PutReview(store.Review{LinkKey: p.key, Reason: store.MergedAtSource, RecordIDs: records,
			ReceiptID: p.in.ReceiptID, CorrelationID: p.in.CorrelationID})
	case p.rules.DeleteEffect(p.key.Connection) == policy.Tombstone:
		p.bundle.Record.DeletedAt = p.a.Now().UTC()
	}
	return p.store(ctx, Gone, nil)
}

// resolveReferences points the message to records, making placeholders for objects that have not arrived yet.
func (p *application) resolveReferences(others map[store.LinkKey]*store.Link) error {
	for ref := range p.rules.Schema.References(p.message) {
		external := ref.Target.GetExternal()
		if external == nil {
			continue
		}
		key := referred(ref, external, p.key.Connection)
		link := others[key]
		if link == nil {
			var err error
			if link, err = p.placeholder(key); err != nil {
				return err
			}
			others[key] = link
		}
		ref.Target.Target = &canonicalv1.Reference_RecordId{RecordId: string(link.RecordID)}
	}
	return nil
}

// placeholder makes a record that has nothing but a link: the object fills it later.
func (p *application) placeholder(key store.LinkKey) (*store.Link, error) {
	record, err := p.a.newRecord(key.Kind, key.Connection, p.version)
	if err != nil {
		return nil, err
	}
	record.Placeholder, record.Revision = true, 1
	if err := p.tx.PutRecord(record); err != nil {
		return nil, err
	}
	link := &store.Link{LinkKey: key, RecordID: record.ID, State: store.LinkLive, Primary: true}
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
