package salesforce

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/cursor"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/mapping"
)

// lag is how much later than its stamp a row may show: a transaction of Salesforce's may last ten minutes.
const lag = 10 * time.Minute

// The largest pages. Salesforce allows 2,000; a page with the longest descriptions, or with many lines, must fit into an
// answer.
const (
	maxPage   = 200
	maxOrders = 50
)

// place is how far a pull has come.
type place struct {
	// Begun is Salesforce's clock at the first page of everything, in milliseconds.
	Begun int64 `json:"begun,omitempty"`
	// At is the stamp of the last row seen, in milliseconds, and ID its id; empty where none was seen.
	At int64  `json:"at,omitempty"`
	ID string `json:"id,omitempty"`
}

// Pull reads a page of everything, or of what changed, in the order of stamps and, within one, of ids. Orders of which a
// page does not hold all lines are named, to be fetched.
func (a *api) Pull(ctx context.Context, q adapters.Query) (adapters.Page, error) {
	op, k := "pull "+string(q.Kind)+"s", a.kinds[q.Kind]
	var from place
	if err := cursor.Decode(q.Cursor, &from); err != nil {
		return adapters.Page{}, err
	}
	if from.ID != "" && !isID(from.ID) {
		return adapters.Page{}, &fault.Error{Category: fault.Gone, Op: op, Message: "the cursor is not one of this adapter's"}
	}
	if k == nil {
		return adapters.Page{}, mapping.NotCarried(op)
	}
	resource := all
	if q.Since.IsZero() {
		resource = live // what is deleted meanwhile is told by the pull of changes that begins where this one began
	}
	asked := k.where(from.where(q.Since))
	asked.order, asked.limit = "SystemModstamp, Id", min(max(q.Size, 1), k.page)
	in, r, err := a.ask(ctx, op, resource, asked, k)
	if err != nil {
		return adapters.Page{}, ofNoObject(err)
	}
	if from.Begun == 0 && q.Since.IsZero() {
		from.Begun = r.Clock().UnixMilli()
	}
	page, last := a.page(k, in)
	page.More = !in.whole() || len(in.Records) >= asked.limit
	if page.More && (last == nil || !from.before(last)) {
		return adapters.Page{}, &fault.Error{Category: fault.Transient, Op: op, Message: "the pages do not go on from where they were"}
	}
	if last != nil {
		from.At, from.ID = last.at.UnixMilli(), last.id
	}
	if page.Watermark = from.watermark(q.Since); page.More {
		page.Next = cursor.Encode(from)
	}
	return page, nil
}

// where is what is left to be read.
func (p place) where(since time.Time) string {
	switch at := stamp(time.UnixMilli(p.At)); {
	case p.ID != "": // in a form that has the index on stamps used, whatever the rest
		return fmt.Sprintf("SystemModstamp >= %s AND (SystemModstamp > %s OR %s)", at, at, after("Id", p.ID))
	case !since.IsZero():
		return "SystemModstamp >= " + stamp(since)
	}
	return ""
}

// before says that a row is further on. Whether one id sorts after another is Salesforce's to know.
func (p place) before(o *object) bool {
	at := o.at.UnixMilli()
	return p.ID == "" || at > p.At || at == p.At && o.id != p.ID
}

// watermark is where the next pull of changes begins: where this one ends, or where a pull of everything began.
func (p place) watermark(since time.Time) time.Time {
	if since.IsZero() {
		return time.UnixMilli(p.Begun).UTC()
	}
	return cursor.Later(time.UnixMilli(p.At).UTC(), since)
}

// page takes the rows of a page, and gives the last one that could be read.
func (a *api) page(k *kind, in rows) (page adapters.Page, last *object) {
	for i, raw := range in.Records {
		o, err := decode(raw)
		if err != nil {
			page.Rejected = append(page.Rejected, adapters.Rejected{Where: fmt.Sprintf("entry %d", i), Reason: err.Error(), Raw: raw})
			continue
		}
		last = o
		if k.children != "" && o.text("IsDeleted") != "true" {
			if lines, err := products(o.fields); err == nil && !lines.whole() {
				page.Fetch = append(page.Fetch, adapters.Object{Kind: k.Name, ExternalID: adapters.ExternalID(o.id)})
				continue
			}
		}
		page.Observations = append(page.Observations, a.observe(k, o))
	}
	return page, last
}

// Count asks for the number of live rows alone.
func (a *api) Count(ctx context.Context, name adapters.Kind) (int, error) {
	op, k := "count "+string(name)+"s", a.kinds[name]
	if k == nil {
		return 0, mapping.NotCarried(op)
	}
	asked := query{fields: []string{"COUNT()"}, from: k.sobject}
	r, err := a.read(ctx, op, a.root+live, asked.values(), k)
	if err != nil {
		return 0, ofNoObject(err)
	}
	var in struct {
		Total *int `json:"totalSize"`
	}
	if json.Unmarshal(r.Body, &in) != nil || in.Total == nil || *in.Total < 0 {
		return 0, &fault.Error{Category: fault.Transient, Op: op, Status: r.Status, Message: "the answer is no count of Salesforce's"}
	}
	return *in.Total, nil
}
