package converge_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// crowd is two hub processes on one database, between two vendors that are edited by many at once, lose answers and lose
// events.
type crowd struct {
	t      *testing.T
	hubs   [2]*hubtest.Hub
	vendor map[string]*hubtest.Vendor
	events atomic.Int64
}

const (
	editors = 6  // at a time
	acts    = 25 // of each
	objects = 6  // at each vendor
)

// TestConvergenceOnTheStore has the laws hold on PostgreSQL, under real concurrency.
func TestConvergenceOnTheStore(t *testing.T) {
	t.Parallel()
	c := &crowd{t: t, vendor: map[string]*hubtest.Vendor{"shop": hubtest.NewVendor(), "crm": hubtest.NewVendor()}}
	policies := hubtest.Preferring("shop", "billing", "crm")
	delete(policies["customer"].Targets, "billing")
	c.hubs[0] = hubtest.New(t, hubtest.Options{Vendors: c.vendor, Policies: policies})
	c.hubs[1] = hubtest.New(t, hubtest.Options{Vendors: c.vendor, Beside: c.hubs[0]})
	for _, v := range c.vendor {
		v.BeforePush = func(adapters.Request) error { return c.sometimes(10, fault.Transient, false) }
		v.AfterPush = func(adapters.Request) error { return c.sometimes(10, fault.Transient, true) }
	}
	for _, h := range c.hubs {
		h.Work()
	}
	var all sync.WaitGroup
	for i := range editors {
		all.Go(func() { c.edit(rand.New(rand.NewPCG(1, uint64(i)))) })
	}
	all.Wait()
	for source, v := range c.vendor { // what was lost is pulled
		for i := range objects {
			if id := hubtest.ID(source, i); v.Customer(id) != nil {
				c.hear(source, id)
			}
		}
	}
	c.hubs[0].Agree()
	c.laws()
	revisions, pushes := c.revisions(), c.vendor["shop"].Pushes()+c.vendor["crm"].Pushes()
	for source := range c.vendor { // echoes
		for i := range objects {
			c.hear(source, hubtest.ID(source, i))
		}
	}
	c.hubs[1].Agree()
	if again := c.revisions(); again != revisions || c.vendor["shop"].Pushes()+c.vendor["crm"].Pushes() != pushes {
		t.Errorf("at rest, echoes made %d revisions of %d, and pushes", again, revisions)
	}
}

// sometimes fails one time in n.
func (c *crowd) sometimes(n int, category fault.Category, done bool) error {
	if rand.IntN(n) > 0 {
		return nil
	}
	return &fault.Error{Category: category, Op: "push", Message: "no answer", MaybeDone: done}
}

// edit is what one of the crowd does.
func (c *crowd) edit(r *rand.Rand) {
	for range acts {
		h := c.hubs[r.IntN(len(c.hubs))]
		source := []string{"shop", "crm"}[r.IntN(2)]
		i := r.IntN(objects)
		switch r.IntN(10) {
		case 0:
			c.write(h, r)
		case 1:
			c.merge(h, r)
		case 2:
			c.unmerge(h, r)
		case 3, 4:
			c.vendor[source].Edit(hubtest.ID(source, i), hubtest.Phone(fmt.Sprintf("+49%d", r.IntN(1000))))
		default:
			c.vendor[source].Edit(hubtest.ID(source, i), hubtest.Named(fmt.Sprintf("Name %d", r.IntN(100)), fmt.Sprintf("%d@example.com", i)))
		}
		for range r.IntN(3) { // lost, once, or twice
			c.hear(source, hubtest.ID(source, i))
		}
	}
}

// hear takes in an event of an object that is there.
func (c *crowd) hear(source string, id adapters.ExternalID) {
	if c.vendor[source].Customer(id) == nil {
		return
	}
	key := fmt.Sprintf("%s-%d", source, c.events.Add(1))
	receipt := &store.Receipt{ID: key, Connection: source, EventKey: key, Body: []byte(id), CorrelationID: key}
	h := c.hubs[0]
	err := h.Store.InTx(context.Background(), func(tx *store.Tx) error {
		if _, err := tx.PutReceipts(context.Background(), []*store.Receipt{receipt}); err != nil {
			return err
		}
		return h.Queue.Translate(context.Background(), tx, []*store.Receipt{receipt})
	})
	if err != nil {
		c.t.Error(err)
	}
}

func (c *crowd) write(h *hubtest.Hub, r *rand.Rand) {
	ids := c.records("")
	if len(ids) == 0 {
		return
	}
	_, err := h.Applier.Write(context.Background(), apply.Write{Cause: apply.Cause{Source: "billing", CorrelationID: "w"}, Kind: model.Customer,
		RecordID: ids[r.IntN(len(ids))], Message: &canonicalv1.Customer{Phone: proto.String(fmt.Sprintf("+33%d", r.IntN(1000)))}, Paths: []model.Path{"phone"}})
	var refused *apply.WriteError
	if err != nil && !errors.As(err, &refused) {
		c.t.Errorf("write: %v", err)
	}
}

func (c *crowd) merge(h *hubtest.Hub, r *rand.Rand) {
	ids := c.records("")
	if len(ids) < 2 {
		return
	}
	at := r.IntN(len(ids) - 1)
	if _, err := h.Applier.Merge(context.Background(), apply.Merge{A: ids[at], B: ids[at+1], By: "eve", CorrelationID: "m"}); err != nil {
		c.t.Errorf("merge: %v", err)
	}
}

func (c *crowd) unmerge(h *hubtest.Hub, r *rand.Rand) {
	merged := c.records("merged_into is not null")
	if len(merged) == 0 {
		return
	}
	id := merged[r.IntN(len(merged))]
	survivor, err := h.Store.Record(context.Background(), id)
	if err != nil {
		c.t.Error(err)
		return
	}
	_, _, err = h.Applier.Unmerge(context.Background(), apply.Unmerge{Survivor: survivor.ID, Merged: id, By: "eve", CorrelationID: "u"})
	if err != nil && !errors.Is(err, apply.ErrNotMerged) {
		c.t.Errorf("unmerge: %v", err)
	}
}

// records lists ids, of those that answer for themselves where nothing else is said.
func (c *crowd) records(where string) []store.RecordID {
	if where == "" {
		where = "merged_into is null"
	}
	rows, err := c.hubs[0].Store.Pool().Query(context.Background(), `select id from records where `+where+` order by id`)
	if err != nil {
		c.t.Error(err)
		return nil
	}
	defer rows.Close()
	var ids []store.RecordID
	for rows.Next() {
		var id store.RecordID
		if err := rows.Scan(&id); err != nil {
			c.t.Error(err)
		}
		ids = append(ids, id)
	}
	return ids
}

func (c *crowd) revisions() (n int) {
	if err := c.hubs[0].Store.Pool().QueryRow(context.Background(), `select coalesce(sum(revision), 0) from records`).Scan(&n); err != nil {
		c.t.Error(err)
	}
	return n
}

// laws hold at rest: a record is what its views say, nothing is owed, and every target's object holds the record.
func (c *crowd) laws() {
	h := c.hubs[0]
	schema := model.For(model.Customer)
	for _, id := range c.records("") {
		b := h.Bundle(id)
		rules, resolution, err := h.Applier.Resolve(b)
		if err != nil {
			c.t.Fatal(err)
		}
		if changed := apply.Changed(schema, b.Record.Message, resolution.Message); len(changed) > 0 {
			c.t.Errorf("%s is not what its views say of %v", id, changed)
		}
		for _, target := range rules.Targets() {
			if h.Applier.Owes(rules, resolution, b, target) {
				c.t.Errorf("%s is owed to %s at rest", id, target.Connection)
			}
			link := b.Primary(target.Connection)
			if link == nil || link.State != store.LinkLive {
				continue
			}
			object := c.vendor[target.Connection].Customer(adapters.ExternalID(link.ExternalID))
			for path := range schema.Present(b.Record.Message) {
				if !schema.Equal(object, b.Record.Message, path) {
					c.t.Errorf("%s at %s has %s %v, the record %s has %v", link.ExternalID, target.Connection, path, object, id, b.Record.Message)
				}
			}
		}
	}
}
