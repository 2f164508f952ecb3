package apply

import (
	"context"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	storev1 "github.com/canonhub/canonhub/gen/canonhub/store/v1"
	"github.com/canonhub/canonhub/hub/jobs"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/policy"
	"github.com/canonhub/canonhub/hub/store"
	"github.com/canonhub/canonhub/hub/view"
)

var zeroTime time.Time

// fold resolves a locked record's views and stores what follows.
type fold struct {
	a       *Applier
	tx      Tx
	bundle  *store.Bundle
	rules   *policy.Kind
	version int64
	cause   Cause

	resolution *policy.Resolution
}

// record brings the record to what the views say. It counts a revision where that changes it, and returns the
// attributes that changed.
func (f *fold) record() ([]model.Path, error) {
	r, schema := f.bundle.Record, f.rules.Schema
	sources := Sources(f.rules, f.bundle)
	f.resolution = f.rules.Resolve(sources)
	next := proto.Clone(r.Message) // known paths are set one by one, so that fields of a newer schema stay
	changed := Changed(schema, r.Message, f.resolution.Message)
	for _, path := range changed {
		schema.Copy(next, f.resolution.Message, path)
	}
	counts := r.Revision == 0 || len(changed) > 0 || f.bundle.LifeChanged()
	if counts {
		r.Revision++
	}
	provenance := f.provenance(changed)
	promoted := changed
	if r.PolicyVersion != f.version {
		promoted = allPaths(schema, r.Message, next) // whatever the record was folded by, lists know of it from now on
	}
	if counts || r.PolicyVersion != f.version || !proto.Equal(provenance, r.Provenance) {
		r.Message, r.Provenance, r.PolicyVersion = next, provenance, f.version
		if err := f.tx.PutRecord(r); err != nil {
			return nil, err
		}
		f.tx.PutPromoted(r, promoted)
	}
	if counts {
		f.tx.PutChange(&store.Change{RecordID: r.ID, Revision: r.Revision, Kind: r.Kind, Paths: texts(changed),
			Source: f.cause.Source, CorrelationID: f.cause.CorrelationID})
	}
	f.matchKeys(sources)
	f.disputes()
	return changed, f.keep()
}

func allPaths(schema *model.Schema, from, to proto.Message) []model.Path {
	paths := append(schema.Paths(), schema.Custom(from)...)
	for _, path := range schema.Custom(to) {
		if !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	return paths
}

// Changed lists the attributes that a record with one message changes when it is given another.
func Changed(schema *model.Schema, from, to proto.Message) []model.Path {
	return slices.DeleteFunc(allPaths(schema, from, to), func(path model.Path) bool { return schema.Equal(from, to, path) })
}

// provenance tells for each decided unit where its value is from. A unit that did not change keeps the revision that
// brought it, though another source may say it now.
func (f *fold) provenance(changed []model.Path) *storev1.Provenance {
	out := &storev1.Provenance{Attributes: map[string]*storev1.Origin{}}
	for _, a := range f.resolution.Attributes {
		if a.Winner == nil {
			continue
		}
		since := int64(f.bundle.Record.Revision)
		if before := f.bundle.Record.Provenance.GetAttributes()[string(a.Path)]; before != nil && !touches(changed, a.Leaves) {
			since = before.GetSinceRevision()
		}
		out.Attributes[string(a.Path)] = &storev1.Origin{
			Source: a.Winner.Source.Name, ExternalId: a.Winner.Source.ExternalID, Stamp: view.EncodeStamp(a.Winner.Stamp),
			SinceRevision: since, StandIn: a.StandIn,
		}
	}
	return out
}

func touches(changed, leaves []model.Path) bool {
	return slices.ContainsFunc(leaves, func(leaf model.Path) bool { return slices.Contains(changed, leaf) })
}

// matchKeys brings the record's keys to what its sources claim.
func (f *fold) matchKeys(sources []policy.Source) {
	r := f.bundle.Record
	wanted, gained := MatchKeys(f.rules, f.bundle, sources)
	for _, key := range gained {
		f.tx.PutMatchKey(r.Kind, key, r.ID, f.cause.CorrelationID)
	}
	f.bundle.NewKeys = append(f.bundle.NewKeys, gained...)
	for _, key := range f.bundle.MatchKeys {
		if !slices.Contains(wanted, key) {
			f.tx.DropMatchKey(r.Kind, key, r.ID)
		}
	}
}

// MatchKeys are those that a bundle's sources claim, and of these the ones that its record is to get.
func MatchKeys(rules *policy.Kind, b *store.Bundle, sources []policy.Source) (wanted, gained []store.MatchKey) {
	if !b.Record.DeletedAt.IsZero() {
		return nil, nil // a deleted record is not found again by its keys
	}
	for i := range sources {
		wanted = append(wanted, matchKeys(rules, sources[i].State.Said)...)
	}
	for _, key := range wanted {
		if !slices.Contains(b.MatchKeys, key) && !slices.Contains(b.NewKeys, key) && !slices.Contains(gained, key) {
			gained = append(gained, key)
		}
	}
	return wanted, gained
}

// Adopted is the link of an object that waited for a record of a bundle; nil where the bundle has it already.
func Adopted(b *store.Bundle, key store.LinkKey) *store.Link {
	if b.Link(key) != nil {
		return nil
	}
	link := newLink(key, b)
	b.Links = append(b.Links, link)
	return link
}

// follow takes up the objects that waited for this record, and stores the deliveries that are owed now, with their jobs.
func (f *fold) follow(ctx context.Context) error {
	if err := f.takeOrphans(ctx); err != nil {
		return err
	}
	var owed []jobs.DeliverArgs
	for _, target := range f.rules.Targets() {
		if err := f.yield(target); err != nil {
			return err
		}
		if f.settle(target) {
			owed = append(owed, jobs.DeliverArgs{RecordID: f.bundle.Record.ID, Connection: target.Connection, Behind: f.cause.Behind})
		}
	}
	return f.a.Queue.Deliver(ctx, f.tx, owed)
}

// takeOrphans links at once the objects that waited for one of the record's new keys, so that no target is given a
// second object for the record; what they said is applied by their receipts' jobs.
func (f *fold) takeOrphans(ctx context.Context) error {
	if len(f.bundle.NewKeys) == 0 {
		return nil
	}
	orphans, err := f.tx.TakeOrphans(ctx, f.bundle.Record.Kind, f.bundle.NewKeys)
	if err != nil {
		return err
	}
	for _, o := range orphans {
		if link := Adopted(f.bundle, o.LinkKey); link != nil {
			f.tx.LinkOrphan(link)
		}
	}
	return f.a.rehear(ctx, f.tx, orphans)
}

// rehear has what was said of objects heard again that waited for a record.
func (a *Applier) rehear(ctx context.Context, tx Tx, orphans []store.Orphan) error {
	var receipts []*store.Receipt
	for _, o := range orphans {
		receipts = append(receipts, o.Receipt)
	}
	return a.Queue.Rehear(ctx, tx, receipts)
}

// found has what was said of an object heard again, where it waited for a record and has one now.
func (a *Applier) found(ctx context.Context, tx Tx, key store.LinkKey) error {
	orphans, err := tx.TakeOrphan(ctx, key)
	if err != nil {
		return err
	}
	return a.rehear(ctx, tx, orphans)
}

// settle brings the delivery to one target up to date and says whether it needs a job.
func (f *fold) settle(target *policy.Target) bool {
	r := f.bundle.Record
	delivery := f.bundle.Delivery(target.Connection)
	switch Settling(delivery, r.Revision, f.a.Owes(f.rules, f.resolution, f.bundle, target), f.cause.Source) {
	case Ends:
		delivery.Settle(r.Revision)
		f.tx.PutDelivery(delivery)
	case Begins:
		owed := &store.Delivery{RecordID: r.ID, Connection: target.Connection, Kind: r.Kind, State: store.Owed,
			Revision: r.Revision, CorrelationID: f.cause.CorrelationID, TraceParent: f.cause.TraceParent}
		if brake := f.bundle.Braked(target.Connection); brake != nil && f.bundle.PendingAttempt(target.Connection) == nil {
			owed.Stop(brake)
		}
		f.tx.PutDelivery(owed)
		return owed.State == store.Owed
	}
	return false
}

// Course is what a fold does with the delivery to one target.
type Course int

// The courses.
const (
	// Stays: it stays as it is.
	Stays Course = iota
	// Ends: it waited or was given up, and is not owed any more.
	Ends
	// Begins: it is owed, and gets a job.
	Begins
)

// Settling is the course of a delivery, nil where there never was one, to a record of a revision whose target owes or
// does not, when source's word, or the policy, has it folded.
func Settling(d *store.Delivery, revision store.Revision, owes bool, source string) Course {
	switch {
	case !owes && (d == nil || d.State == store.Settled || d.State == store.Owed):
		return Stays // where a job is under way, it ends the delivery
	case !owes:
		return Ends
	case d != nil && (d.State == store.Dead || d.State == store.Blocked) && d.Revision >= revision && source != d.Connection:
		return Stays // it was given up on this very revision, or waits with it: two that wait do not wake each other by their reads
	}
	return Begins
}

func texts(paths []model.Path) []string {
	out := make([]string, len(paths))
	for i, path := range paths {
		out[i] = string(path)
	}
	return out
}
