package shopify

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/cursor"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/mapping"
)

// maxListed is the largest page of ids.
const maxListed = 250

// place is how far a pull has come.
type place struct {
	// Begun is Shopify's clock at the first page of everything, in seconds.
	Begun int64 `json:"begun,omitempty"`
	// At is the time of change that the search has come to, in seconds; 0 where everything is pulled.
	At int64 `json:"at,omitempty"`
	// ID is the last one read: of everything, or, while it is set, of what changed in the very second At.
	ID int64 `json:"id,omitempty"`
	// Within says that what is left of the second At is read by id.
	Within bool `json:"within,omitempty"`
}

// Pull reads a page of objects. Orders of which a page does not hold all lines are named, to be fetched.
func (s *shop) Pull(ctx context.Context, q adapters.Query) (adapters.Page, error) {
	op := "pull " + string(q.Kind) + "s"
	k := kinds[q.Kind]
	if k == nil {
		return adapters.Page{}, mapping.NotCarried(op)
	}
	objects, page, err := s.page(ctx, op, k, q, k.maxPage, k.part)
	for _, o := range objects {
		var lines connection
		if k == orders && json.Unmarshal(o.fields["lineItems"], &lines) == nil && lines.PageInfo.HasNextPage {
			page.Fetch = append(page.Fetch, k.object(o.number))
			continue
		}
		page.Observations = append(page.Observations, k.observe(o))
	}
	return page, err
}

// List reads a page of ids, of a size that would cost too much with all attributes.
func (s *shop) List(ctx context.Context, q adapters.Query) (adapters.Listing, error) {
	op := "list " + string(q.Kind) + "s"
	k := kinds[q.Kind]
	if k == nil {
		return adapters.Listing{}, mapping.NotCarried(op)
	}
	objects, page, err := s.page(ctx, op, k, q, maxListed, "id updatedAt")
	switch {
	case err != nil:
		return adapters.Listing{}, err
	case len(page.Rejected) > 0: // a listing that lacks one would read as a delete
		return adapters.Listing{}, &fault.Error{Category: fault.Transient, Op: op, Message: "an entry cannot be read: " + page.Rejected[0].Reason}
	}
	out := adapters.Listing{Next: page.Next, More: page.More}
	for _, o := range objects {
		out.Entries = append(out.Entries, adapters.Entry{ExternalID: adapters.ExternalID(o.number), At: o.at})
	}
	return out, nil
}

// Count asks for Shopify's count. Without a limit it would end at 10,000, and say so by its precision; a count that is a
// part is none.
func (s *shop) Count(ctx context.Context, name adapters.Kind) (int, error) {
	op, k := "count "+string(name)+"s", kinds[name]
	if k == nil {
		return 0, mapping.NotCarried(op)
	}
	field := k.many + "Count"
	a, err := s.read(ctx, op, document{Query: fmt.Sprintf("query canonhubCount { %s(limit: null) { count precision } }", field)})
	if err != nil {
		return 0, fault.OfNoObject(err, "count of Shopify's")
	}
	var in struct {
		Count     *int   `json:"count"`
		Precision string `json:"precision"`
	}
	if json.Unmarshal(a.Data[field], &in) != nil || in.Count == nil || *in.Count < 0 {
		return 0, unread(op)
	}
	if in.Precision != "EXACT" {
		return 0, nil
	}
	return *in.Count, nil
}

// page makes the search of a page: of all objects by id, of those that changed by time, or of those that changed within
// one second, more than fit a page, by id. The page comes without its objects.
func (s *shop) page(ctx context.Context, op string, k *kind, q adapters.Query, most int, asked string) (objects []*object, p adapters.Page, err error) {
	var from place
	if err := cursor.Decode(q.Cursor, &from); err != nil {
		return nil, p, err
	}
	if !q.Since.IsZero() {
		from.At = max(from.At, q.Since.Unix())
	}
	size := min(max(q.Size, 1), most)
	search, sort := from.search()
	a, err := s.read(ctx, op, document{
		Query: fmt.Sprintf("query canonhubPull($search: String!) { %s(first: %d, sortKey: %s, query: $search) { nodes { %s } } }",
			k.many, size, sort, asked),
		Variables: map[string]any{"search": search},
	})
	if err != nil {
		return nil, p, fault.OfNoObject(err, "list of Shopify's") // gone would say that the cursor is not known any more
	}
	var nodes []json.RawMessage
	if raw, _ := dig(a.Data, k.many+".nodes"); json.Unmarshal(raw, &nodes) != nil || nodes == nil {
		return nil, p, unread(op)
	}
	for i, raw := range nodes {
		o, err := k.decode(raw)
		if err != nil {
			p.Rejected = append(p.Rejected, adapters.Rejected{Where: fmt.Sprintf("entry %d", i), Reason: err.Error(), Raw: raw})
			continue
		}
		objects = append(objects, o)
	}
	if from.Begun == 0 {
		from.Begun = a.Date.Unix()
	}
	next, ok := from.behind(objects, len(nodes) >= size)
	if !ok {
		return nil, adapters.Page{}, &fault.Error{Category: fault.Transient, Op: op, Message: "the search does not go on from where it was"}
	}
	if p.More = len(nodes) >= size || from.Within; p.More {
		p.Next = cursor.Encode(next)
	}
	p.Watermark = time.Unix(max(next.At, next.Begun), 0).UTC() // where the next pull of changes begins
	return objects, p, nil
}

// search is what to look for, and in which order.
func (p place) search() (query, sort string) {
	switch {
	case p.At == 0:
		return fmt.Sprintf("id:>%d", p.ID), "ID"
	case p.Within:
		return fmt.Sprintf("updated_at:>='%s' updated_at:<'%s' id:>%d", stamp(p.At), stamp(p.At+1), p.ID), "ID"
	}
	return fmt.Sprintf("updated_at:>='%s'", stamp(p.At)), "UPDATED_AT"
}

func stamp(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(time.RFC3339) }

// behind is the place behind a page. A search that does not go on would have no end.
func (p place) behind(objects []*object, full bool) (next place, goesOn bool) {
	if len(objects) == 0 && full {
		return p, false // none of a full page's entries can be read
	}
	next = p
	var last *object
	if n := len(objects); n > 0 {
		last = objects[n-1]
	}
	switch {
	case p.At == 0 || p.Within:
		if last != nil {
			next.ID, _ = strconv.ParseInt(last.number, 10, 64) // decode has seen that it is one
			if next.ID <= p.ID {
				return p, false
			}
		}
		if p.Within && !full { // all of that second
			next.At, next.ID, next.Within = p.At+1, 0, false
		}
	case last == nil:
	case last.at.Unix() < p.At:
		return p, false
	case full && last.at.Unix() == p.At:
		next.Within = true
	default:
		next.At = last.at.Unix()
	}
	return next, true
}
