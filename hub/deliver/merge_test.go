package deliver_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/store"
)

// twins are two records of the shop's.
func (w *world) twins() (older, younger store.RecordID) {
	older = w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID
	younger = w.Observe("shop", w.shop.Edit("s2", hubtest.Named("A. L.", "lovelace@example.com"))).RecordID
	return older, younger
}

// A create for the younger record is at the vendor while the two are merged: what it makes is the survivor's, and no
// second object is made.
func TestCreateUnderWayForAMergedRecordIsTheSurvivors(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	older, younger := w.twins()
	w.crm.BeforePush = func(adapters.Request) error {
		w.crm.BeforePush = nil
		w.Merge(older, younger)
		if err := w.Deliver(older, "crm", false); err != nil || w.Bundle(older).Delivery("crm").State != store.Blocked {
			t.Errorf("meanwhile the survivor's delivery is %s (%v), want it to wait", w.Bundle(older).Delivery("crm").State, err)
		}
		return nil
	}
	if err := w.Deliver(younger, "crm", false); err != nil {
		t.Fatal(err)
	}
	link := w.Bundle(older).Primary("crm")
	if link == nil || link.BornOn != younger {
		t.Fatalf("the object is linked as %+v, want to the survivor, born on the other", link)
	}
	w.Work()
	w.Agree()
	if got := w.onlyCRM(t).GetName().GetFull(); got != "Ada" {
		t.Errorf("the crm has %q, want the survivor's name; %s", got, w.crm)
	}
}

func TestCreateWithLostAnswerIsSettledAfterAMerge(t *testing.T) {
	t.Parallel()
	for name, last := range map[string]bool{"tried again": false, "given up": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			w.crm.ForgetsKeys = true // only our id tells
			older, younger := w.twins()
			w.crm.AfterPush = func(adapters.Request) error { return hubtest.ErrLost() }
			_ = w.Deliver(younger, "crm", last)
			w.crm.AfterPush = nil
			w.Merge(older, younger)
			w.Work()
			w.Agree()
			if got := w.onlyCRM(t).GetName().GetFull(); got != "Ada" {
				t.Errorf("the crm has %q, want the survivor's name", got)
			}
		})
	}
}

// Two records are merged while a push for each of them is under way: each job settles its own, and neither waits for the
// other's.
func TestPushesUnderWayForBothRecordsOfAMergeAreSettled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	older, younger := w.twins()
	w.crm.AfterPush = func(adapters.Request) error { return hubtest.ErrLost() }
	for _, id := range []store.RecordID{older, younger} {
		_ = w.Deliver(id, "crm", false)
	}
	w.crm.AfterPush = nil
	w.Merge(older, younger)
	if pending := w.Bundle(older).Pending; len(pending) != 2 {
		t.Fatalf("%d pushes are under way, want 2", len(pending))
	}
	if err := w.Deliver(younger, "crm", false); err != nil {
		t.Fatal(err)
	}
	if pending := w.Bundle(older).Pending; len(pending) != 1 || pending[0].RecordID != older {
		t.Fatalf("of the two pushes %d are under way, want the older record's own", len(pending))
	}
	w.Work()
	w.Agree()
	if pending := w.Bundle(older).Pending; len(pending) > 0 || w.crm.Customers()[0].GetName().GetFull() != w.crm.Customers()[1].GetName().GetFull() {
		t.Errorf("%d pushes are under way at the end, and the crm has %s", len(pending), w.crm)
	}
}

// A push for the survivor is at the vendor while the object that it writes to goes back with the other record.
func TestPushUnderWayWhileAMergeIsUndoneIsHeardByWhoHasTheObject(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	older := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID
	younger := w.Observe("crm", w.crm.Edit("c1", hubtest.Named("Lady", "lovelace@example.com"))).RecordID
	w.Merge(older, younger)
	w.crm.BeforePush = func(adapters.Request) error {
		w.crm.BeforePush = nil
		w.Unmerge(older, younger)
		if err := w.Deliver(younger, "crm", false); err != nil || w.crm.Customer("c1").GetName().GetFull() != "Lady" {
			t.Errorf("meanwhile the crm has %v (%v)", w.crm.Customer("c1"), err)
		}
		return nil
	}
	if err := w.Deliver(older, "crm", false); err != nil {
		t.Fatal(err)
	}
	w.Work()
	w.Agree()
	if got := w.crm.Customer("c1"); got.GetName().GetFull() != "Lady" || got.GetEmail() != "lovelace@example.com" {
		t.Errorf("the crm's own object is %v, want what it was", got)
	}
	if b := w.Bundle(older); b.Primary("crm") == nil || len(w.crm.Customers()) != 2 {
		t.Errorf("the crm has %s, want one of its own and one for the older record", w.crm)
	}
}

// storm is a hub under merges, edits and deliveries at once.
type storm struct {
	*world
	t   *testing.T
	ids []store.RecordID
}

func newStorm(t *testing.T, n int) *storm {
	s := &storm{world: newWorld(t, nil), t: t}
	for i := range n {
		source, vendor := "shop", s.shop
		if i%2 == 1 {
			source, vendor = "crm", s.crm
		}
		o := vendor.Edit(hubtest.ID("o", i), hubtest.Named(fmt.Sprintf("N%d", i), fmt.Sprintf("n%d@example.com", i)))
		s.ids = append(s.ids, s.Observe(source, o).RecordID)
	}
	s.Work()
	return s
}

// edits are many edits of all objects.
func (s *storm) edits(wg *sync.WaitGroup) {
	for i := range s.ids {
		wg.Go(func() {
			source, vendor := "shop", s.shop
			if i%2 == 1 {
				source, vendor = "crm", s.crm
			}
			for n := range 6 {
				o := vendor.Edit(hubtest.ID("o", i), hubtest.Phone(fmt.Sprintf("+49%d%d", i, n)))
				for {
					result, err := s.Applier.Apply(context.Background(), apply.Input{Cause: apply.Cause{Source: source, CorrelationID: "edit"}, Observation: o})
					if err != nil {
						s.t.Errorf("edit: %v", err)
					}
					if err != nil || result.Outcome.Final() {
						break
					}
					if result.Outcome == apply.Ambiguous { // as a translation would: what it is now
						epoch := s.Epoch(source, hubtest.ID("o", i))
						o, _ = vendor.Fetch(context.Background(), o.Object)
						s.Read(source, o, epoch)
						break
					}
				}
			}
		})
	}
}

// consistent tells whether redirects, links and views agree, and every id answers.
func (s *storm) consistent() {
	s.t.Helper()
	for what, sql := range map[string]string{
		"redirects to redirects":           `select count(*) from records a join records b on b.id = a.merged_into where b.merged_into is not null`,
		"links of merged records":          `select count(*) from links l join records r on r.id = l.record_id where r.merged_into is not null`,
		"links born outside of their tree": `select count(*) from links l join records r on r.id = coalesce(l.born_on, l.record_id) where coalesce(r.merged_into, r.id) <> l.record_id`,
		"views that their link left": `select count(*) from views v join links l on l.connection = v.source and l.external_id = v.external_id
			where v.record_id <> l.record_id`,
		"connections with two primaries": `select count(*) from (select 1 from links where is_primary group by record_id, connection having count(*) > 1) as x`,
		"connections with no primary":    `select count(*) from (select 1 from links group by record_id, connection having not bool_or(is_primary)) as x`,
		"match keys of merged records":   `select count(*) from match_keys m join records r on r.id = m.record_id where r.merged_into is not null`,
		"merges that no redirect tells":  `select count(*) from merges m join records r on r.id = m.merged where m.undone_at is null and r.merged_into is null`,
		"redirects without a merge": `select count(*) from records r where r.merged_into is not null
			and not exists (select 1 from merges m where m.merged = r.id and m.undone_at is null)`,
		"deadlocks": `select deadlocks from pg_stat_database where datname = current_database()`,
	} {
		var n int
		if err := s.Store.Pool().QueryRow(context.Background(), sql).Scan(&n); err != nil || n != 0 {
			s.t.Errorf("%s: %d (%v)", what, n, err)
		}
	}
	for _, id := range s.ids {
		if _, err := s.Store.Record(context.Background(), id); err != nil {
			s.t.Errorf("%s does not answer: %v", id, err)
		}
	}
}

// Concurrent merges of overlapping pairs, in both directions, among edits and deliveries, end in one tree.
func TestConcurrentMergesEndInOneTree(t *testing.T) {
	t.Parallel()
	s := newStorm(t, 10)
	var wg sync.WaitGroup
	s.edits(&wg)
	for i := range s.ids {
		for _, pair := range [][2]int{{i, (i + 1) % len(s.ids)}, {(i + 1) % len(s.ids), i}, {i, rand.IntN(len(s.ids))}} {
			wg.Go(func() {
				if _, err := s.Applier.Merge(context.Background(), apply.Merge{A: s.ids[pair[0]], B: s.ids[pair[1]], By: "storm", CorrelationID: "storm"}); err != nil {
					t.Errorf("merge: %v", err)
				}
			})
		}
	}
	wg.Wait()
	s.consistent()
	s.Agree()
	s.consistent()
	lives := slices.Min(s.ids)
	for _, id := range s.ids {
		if got := s.Bundle(id).Record.ID; got != lives {
			t.Errorf("%s answers with %s, want %s", id, got, lives)
		}
	}
	b := s.Bundle(lives)
	for i := range s.ids { // nothing is lost: every object is linked, and its last word is in its view
		source, vendor := "shop", s.shop
		if i%2 == 1 {
			source, vendor = "crm", s.crm
		}
		held := b.View(source, string(hubtest.ID("o", i)))
		if held == nil || !proto.Equal(held.View.State().Held, vendor.Customer(hubtest.ID("o", i))) {
			t.Errorf("o%d: the view is %v, the vendor has %v", i, held, vendor.Customer(hubtest.ID("o", i)))
		}
	}
	s.agreeing(b)
}

// agreeing tells whether all objects have what their record has, but for what tells objects apart.
func (s *storm) agreeing(b *store.Bundle) {
	s.t.Helper()
	want := proto.Clone(b.Record.Message).(*canonicalv1.Customer)
	for _, l := range b.Links {
		vendor := s.shop
		if l.Connection == "crm" {
			vendor = s.crm
		}
		got := vendor.Customer(adapters.ExternalID(l.ExternalID))
		if !l.Primary {
			got.Email = want.Email
		}
		if !proto.Equal(got, want) {
			s.t.Errorf("%s %s has %v, its record %v", l.Connection, l.ExternalID, got, want)
		}
	}
}

// Merges and their undoing at once, among edits and deliveries, leave trees in which everything has its place.
func TestConcurrentMergesAndUnmergesStayConsistent(t *testing.T) {
	t.Parallel()
	s := newStorm(t, 8)
	var wg sync.WaitGroup
	s.edits(&wg)
	for range 8 {
		wg.Go(func() {
			for range 6 {
				a, b := s.ids[rand.IntN(len(s.ids))], s.ids[rand.IntN(len(s.ids))]
				_, err := s.Applier.Merge(context.Background(), apply.Merge{A: a, B: b, By: "storm", CorrelationID: "storm"})
				if err == nil {
					_, _, err = s.Applier.Unmerge(context.Background(), apply.Unmerge{Survivor: min(a, b), Merged: max(a, b), By: "storm", CorrelationID: "storm"})
				}
				if err != nil && !errors.Is(err, apply.ErrNotMerged) {
					t.Errorf("merge and unmerge: %v", err)
				}
			}
		})
	}
	wg.Wait()
	s.consistent()
	s.Agree()
	s.consistent()
	for _, id := range s.ids {
		s.agreeing(s.Bundle(id))
	}
}
