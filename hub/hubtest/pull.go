package hubtest

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/hub/jobs"
)

// place is how far a pull of a Vendor has come: behind the object with this time and id.
type place struct {
	At time.Time
	ID adapters.ExternalID
}

// Pull reads objects by time and id.
func (v *Vendor) Pull(_ context.Context, q adapters.Query) (adapters.Page, error) {
	if v.BeforePull != nil {
		if err := v.BeforePull(q); err != nil {
			return adapters.Page{}, err
		}
	}
	var after place
	if q.Cursor != "" {
		if err := json.Unmarshal([]byte(q.Cursor), &after); err != nil {
			return adapters.Page{}, err
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	page := adapters.Page{Watermark: v.clock, Total: len(v.objects), Rejected: v.Rejected}
	var found []place
	for id, o := range v.objects {
		at := place{At: o.at, ID: id}
		if !o.at.Before(q.Since) && (q.Cursor == "" || compare(at, after) > 0) {
			found = append(found, at)
		}
	}
	slices.SortFunc(found, compare)
	if page.More = len(found) > q.Size; page.More {
		found = found[:q.Size]
		next, err := json.Marshal(found[len(found)-1])
		if err != nil {
			return page, err
		}
		page.Next = string(next)
	}
	for _, at := range found {
		page.Observations = append(page.Observations, v.observation(at.ID))
	}
	return page, nil
}

func compare(a, b place) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) }

// Vanish removes an object, of which nobody is told.
func (v *Vendor) Vanish(id adapters.ExternalID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.objects, id)
}

// Fill makes n customers, all of one second.
func (v *Vendor) Fill(prefix string, n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	at := v.tick()
	for i := range n {
		o := &object{at: at, customer: newCustomer(prefix, i)}
		v.objects[ID(prefix, i)] = o
	}
}

// Pull runs what is due of one kind from a vendor.
func (h *Hub) Pull(connection, kind string) error {
	return h.Puller.Pull(context.Background(), jobs.PullArgs{Connection: connection, ObjectKind: kind}, jobs.Run{})
}
