package pull

import (
	"context"
	"fmt"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/connection"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
	"github.com/canonhub/canonhub/hub/view"
)

// listing is one page of what is at the vendor: ids and versions, with the objects where they come with it.
type listing struct {
	entries  []adapters.Entry
	observed map[adapters.ExternalID]adapters.Observation
	gone     map[adapters.ExternalID]bool
	rejected []adapters.Rejected
	next     string
	more     bool
	total    int
}

// compare reads one page of ids, notes them as seen, and takes in what is missing here or differs.
func (s *step) compare(ctx context.Context) error {
	list, err := s.list(ctx)
	if err == nil {
		err = s.onward(list.more, list.next)
	}
	if err != nil {
		return err
	}
	ids := make([]string, 0, len(list.entries))
	for _, e := range list.entries {
		if !list.gone[e.ExternalID] {
			ids = append(ids, string(e.ExternalID))
		}
	}
	known, err := s.Store.Known(ctx, s.lane, ids)
	if err != nil {
		return err
	}
	var (
		inputs   []apply.Input
		findings []store.Finding
	)
	for _, e := range list.entries {
		if list.gone[e.ExternalID] {
			continue
		}
		observation, finding, err := s.judge(ctx, e, list.observed, known[string(e.ExternalID)])
		if s.unreadable(err) {
			list.rejected = append(list.rejected, refusedBy(e.ExternalID, err))
			continue
		}
		if err != nil {
			return err
		}
		if finding != nil {
			findings = append(findings, *finding)
		}
		if observation != nil && s.repairs() {
			inputs = append(inputs, s.input(*observation))
		}
	}
	return s.apply(ctx, inputs, func(tx *store.Tx, changed int) error {
		tx.PutSeen(s.pull, ids)
		apply.Reject(tx, s.cause(), s.parts(list.rejected))
		return s.checkpoint(ctx, tx, func(p *store.Pull) {
			s.note(tx, p, findings)
			p.Run.Rejected += int64(len(list.rejected))
			p.Run.Total = total(p.Run, list.total)
			p.Run.Objects += int64(len(ids))
			p.Run.Changed += int64(changed)
			p.Run.Cursor = list.next
			if !list.more {
				p.Run.Vanishing, p.Run.Cursor = true, ""
			}
		})
	})
}

func (s *step) repairs() bool {
	return !s.pull.Run.ReportOnly && s.how.Differences == connection.Repair
}

// list reads a page of ids where the vendor has such pages, else one of whole objects.
func (s *step) list(ctx context.Context) (listing, error) {
	q := s.query()
	if s.c.Adapter.Lister != nil {
		page, err := s.c.Adapter.Lister.List(ctx, q)
		return listing{entries: page.Entries, next: page.Next, more: page.More}, err
	}
	page, err := s.c.Adapter.Puller.Pull(ctx, q)
	list := listing{observed: map[adapters.ExternalID]adapters.Observation{}, gone: map[adapters.ExternalID]bool{},
		rejected: page.Rejected, next: page.Next, more: page.More, total: page.Total}
	for _, o := range page.Observations {
		list.entries = append(list.entries, adapters.Entry{ExternalID: o.ExternalID, At: o.At, Version: o.Version})
		list.observed[o.ExternalID] = o
		list.gone[o.ExternalID] = o.Gone
	}
	for _, object := range page.Fetch {
		list.entries = append(list.entries, adapters.Entry{ExternalID: object.ExternalID})
	}
	return list, err
}

// judge says in what an object differs from what is known of it, and gives the object where it does.
func (s *step) judge(ctx context.Context, e adapters.Entry, observed map[adapters.ExternalID]adapters.Observation, b *store.Bundle) (*adapters.Observation, *store.Finding, error) {
	seen, there := observed[e.ExternalID]
	if !there {
		if b != nil && !s.newer(e, b) {
			return nil, nil, nil
		}
		var err error
		if seen, there, err = s.fetch(ctx, e.ExternalID); err != nil || !there {
			return nil, nil, err // vanished since the page was made
		}
	}
	finding := &store.Finding{LinkKey: s.key(e.ExternalID), RunID: s.pull.Run.ID, What: store.MissingHere}
	if b != nil {
		finding.What, finding.RecordID = store.Differing, b.Record.ID
		finding.Paths = s.differing(seen, b)
		if len(finding.Paths) == 0 && b.Link(finding.LinkKey).State == store.LinkLive {
			return nil, nil, nil
		}
	}
	finding.Repaired = s.repairs()
	return &seen, finding, nil
}

// newer says that the vendor's state is not the one that was last heard.
func (s *step) newer(e adapters.Entry, b *store.Bundle) bool {
	stored := b.View(s.lane.Connection, string(e.ExternalID))
	if stored == nil || b.Link(s.key(e.ExternalID)).State != store.LinkLive {
		return true
	}
	if e.At.IsZero() && e.Version == 0 {
		return true // it cannot be told
	}
	return view.Stamp{Time: e.At.UTC(), Version: e.Version}.Compare(stored.View.Newest()) != 0
}

// differing lists the attributes in which an object differs from what is known of it.
func (s *step) differing(o adapters.Observation, b *store.Bundle) []model.Path {
	stored := b.View(s.lane.Connection, string(o.ExternalID))
	if stored == nil {
		return nil
	}
	return apply.Differing(model.For(s.lane.Kind), s.lane.Connection, s.carriage, o, stored.View)
}

// fetch reads one object; false where it is not there.
func (s *step) fetch(ctx context.Context, id adapters.ExternalID) (adapters.Observation, bool, error) {
	if s.c.Adapter.Fetcher == nil {
		return adapters.Observation{}, false, &fault.Error{Category: fault.Permanent, Op: "reconcile", Message: "the adapter lists ids and cannot fetch"}
	}
	o, err := s.c.Adapter.Fetcher.Fetch(ctx, adapters.Object{Kind: adapters.Kind(s.lane.Kind), ExternalID: id})
	if err != nil && fault.CategoryOf(err) == fault.Gone {
		return adapters.Observation{}, false, nil
	}
	return o, err == nil && !o.Gone, err
}

// unreadable says that one object cannot be read, which is there all the same: the others do not wait for it.
func (s *step) unreadable(err error) bool {
	return err != nil && s.c.Adapter.Fetcher != nil && fault.CategoryOf(err) == fault.Permanent
}

// note counts findings, and keeps as many of a run as are shown.
func (s *step) note(tx *store.Tx, p *store.Pull, findings []store.Finding) {
	if p.Run.Objects == 0 && !p.Run.Vanishing {
		tx.DropFindings(s.lane)
	}
	kept := p.Run.MissingHere + p.Run.MissingThere + p.Run.Differing
	room := max(0, min(int64(len(findings)), store.MaxFindings-kept))
	tx.PutFindings(findings[:room])
	for _, f := range findings {
		switch f.What {
		case store.MissingHere:
			p.Run.MissingHere++
		case store.MissingThere:
			p.Run.MissingThere++
		case store.Differing:
			p.Run.Differing++
		}
	}
}

const (
	// mayVanish is how many objects may always vanish at once: of a few, one is more than any share that is of use.
	mayVanish = 1
	// vanishedPage is how many are looked up in one step.
	vanishedPage = 50
)

// vanished looks for the objects that the run has not seen. Where there are too many, a person decides: a page that came
// back empty must not read as "everything was deleted". Nor does an entry that could not be
// read: where the vendor cannot be asked for one object, a list with such an entry deletes nothing.
func (s *step) vanished(ctx context.Context) error {
	deletes := s.how.Vanished == connection.Delete && !s.pull.Run.ReportOnly && (s.c.Adapter.Fetcher != nil || s.pull.Run.Rejected == 0)
	if s.pull.Run.Cursor == "" && deletes && !s.pull.Run.LetVanish {
		known, missing, err := s.Store.CountUnseen(ctx, s.pull)
		if err != nil {
			return err
		}
		share := int(float64(known) * s.how.MaxVanished)
		if missing > max(mayVanish, share) || missing > 0 && s.pull.Run.Objects == 0 {
			return s.ask(ctx, known, missing)
		}
	}
	ids, last, err := s.Store.Unseen(ctx, s.pull, s.pull.Run.Cursor, vanishedPage)
	if err != nil {
		return err
	}
	inputs, findings, refused, err := s.lookUp(ctx, ids, deletes)
	if err != nil {
		return err
	}
	return s.apply(ctx, inputs, func(tx *store.Tx, changed int) error {
		apply.Reject(tx, s.cause(), s.parts(refused))
		return s.checkpoint(ctx, tx, func(p *store.Pull) {
			s.note(tx, p, findings)
			p.Run.Rejected += int64(len(refused))
			p.Run.Changed += int64(changed)
			if last != "" {
				p.Run.Cursor = last
				return
			}
			s.reconciled(tx, p)
		})
	})
}

// lookUp asks for each object before it is taken as gone, where the vendor can be asked.
func (s *step) lookUp(ctx context.Context, ids []string, deletes bool) (inputs []apply.Input, findings []store.Finding, refused []adapters.Rejected, err error) {
	for _, id := range ids {
		key := s.key(adapters.ExternalID(id))
		o := adapters.Observation{Object: adapters.Object{Kind: adapters.Kind(s.lane.Kind), ExternalID: adapters.ExternalID(id)}, Gone: true, At: s.began}
		if s.c.Adapter.Fetcher != nil {
			seen, there, err := s.fetch(ctx, adapters.ExternalID(id))
			switch {
			case s.unreadable(err):
				refused = append(refused, refusedBy(adapters.ExternalID(id), err))
				continue
			case err != nil:
				return nil, nil, nil, err
			case there && s.repairs(): // made, or changed, while the ids were listed; or the list is not whole
				inputs = append(inputs, s.input(seen))
				continue
			case there:
				continue
			}
		}
		findings = append(findings, store.Finding{LinkKey: key, RunID: s.pull.Run.ID, What: store.MissingThere, Repaired: deletes})
		if deletes {
			inputs = append(inputs, s.input(o))
		}
	}
	return inputs, findings, refused, nil
}

// ask leaves it to a person whether so much has really vanished.
func (s *step) ask(ctx context.Context, known, missing int) error {
	s.Log.Error("more has vanished than may vanish at once: a person decides", "connection", s.lane.Connection, "kind", s.lane.Kind,
		"correlation_id", s.pull.Run.ID, "known", known, "missing", missing)
	return s.apply(ctx, nil, func(tx *store.Tx, _ int) error {
		tx.PutReview(store.Review{Reason: store.Vanished, RecordIDs: []store.RecordID{}, LinkKey: store.LinkKey{Connection: s.lane.Connection, Kind: s.lane.Kind},
			Detail:        fmt.Sprintf("%d of %d known %ss are not at %s any more", missing, known, s.lane.Kind, s.lane.Connection),
			CorrelationID: s.pull.Run.ID})
		return s.checkpoint(ctx, tx, func(p *store.Pull) {
			p.Run.MissingThere = int64(missing)
			s.reconciled(tx, p)
		})
	})
}

func (s *step) reconciled(tx *store.Tx, p *store.Pull) {
	tx.DropSeen(s.lane)
	p.ReconciledAt = s.began
	s.end(p)
}
