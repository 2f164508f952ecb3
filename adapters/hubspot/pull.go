package hubspot

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/cursor"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
)

// HubSpot's largest pages: of the list, and of the search.
const (
	maxListed = 100
	maxFound  = 200
)

// pulls is what can be pulled.
var pulls = adapters.Pull{MaxPage: maxFound, Changes: true, Lag: 2 * time.Minute}

// place is how far a pull has come.
type place struct {
	// Begun is HubSpot's clock at the first page of the list, After where the list goes on.
	Begun int64  `json:"begun,omitempty"`
	After string `json:"after,omitempty"`
	// At is the time of change that the search has come to, in milliseconds. ID is set while all that is left of this very
	// millisecond is read, by id: the last one read, "0" at first.
	At int64  `json:"at,omitempty"`
	ID string `json:"id,omitempty"`
}

// Pull lists all objects, or searches for those that changed.
func (a *account) Pull(ctx context.Context, q adapters.Query) (adapters.Page, error) {
	var from place
	if err := cursor.Decode(q.Cursor, &from); err != nil {
		return adapters.Page{}, err
	}
	t, err := a.task("pull", q.Kind)
	if err != nil {
		return adapters.Page{}, err
	}
	t.op = "pull " + t.kind.many
	if q.Since.IsZero() {
		return a.list(ctx, t, from, min(max(q.Size, 1), maxListed))
	}
	from.At = max(from.At, q.Since.UnixMilli())
	return a.search(ctx, t, from, min(max(q.Size, 1), maxFound))
}

// Count asks for the smallest page of a search for everything: a list does not tell how long it is. A search counts
// further than it can be read.
func (a *account) Count(ctx context.Context, name adapters.Kind) (int, error) {
	t, err := a.task("count", name)
	if err != nil {
		return 0, err
	}
	t.op = "count " + t.kind.many
	in, err := t.answered(a.ask(ctx, t, t.kind.base()+"/search", map[string]any{"limit": 1, "properties": []string{idProperty}}))
	return in.Total, err
}

// answer is a page of a list, or of a search.
type answer struct {
	Results []json.RawMessage `json:"results"`
	Total   int               `json:"total"`
	Paging  struct {
		Next struct {
			After string `json:"after"`
		} `json:"next"`
	} `json:"paging"`

	now time.Time
}

// answered reads the page that a call gave.
func (t task) answered(r httpapi.Response, err error) (answer, error) {
	if err != nil {
		return answer{}, fault.Undone(t.ofNoObject(err))
	}
	var out answer
	if json.Unmarshal(r.Body, &out) != nil || out.Results == nil {
		return answer{}, t.odd(r, "the answer is no page of HubSpot's")
	}
	out.now = r.Clock()
	return out, nil
}

// list reads a page of all objects. HubSpot goes on by id, so that changes between pages shift nothing. What changes
// meanwhile is found by the pull of changes that begins where this one began.
func (a *account) list(ctx context.Context, t task, from place, size int) (adapters.Page, error) {
	query := t.kind.query()
	query.Set("limit", strconv.Itoa(size))
	if from.After != "" {
		query.Set("after", from.After)
	}
	in, err := t.answered(a.read(ctx, t, t.kind.base(), query))
	if err != nil {
		return adapters.Page{}, err
	}
	if from.Begun == 0 {
		from.Begun = in.now.UnixMilli()
	}
	page, objects := t.kind.read(in)
	for _, o := range objects {
		page.Observations = append(page.Observations, o.told().observe(a.connection))
	}
	page.Watermark = time.UnixMilli(from.Begun).UTC()
	if from.After = in.Paging.Next.After; from.After != "" {
		page.More, page.Next = true, cursor.Encode(from)
	}
	return page, nil
}

// search reads a page of what changed at a time or later. It never asks for a second page of one search: those shift as
// objects change, and end after 10,000. It goes on from the last time seen, and where a whole page has one time, through
// that time by id.
func (a *account) search(ctx context.Context, t task, from place, size int) (adapters.Page, error) {
	modified, at := t.kind.modified, strconv.FormatInt(from.At, 10)
	filters, sort := []filter{{modified, "GTE", at}}, modified
	if from.ID != "" {
		sort = idProperty
		filters = []filter{{modified, "EQ", at}, {idProperty, "GT", from.ID}}
	}
	in, err := t.answered(a.ask(ctx, t, t.kind.base()+"/search", map[string]any{
		"filterGroups": []map[string]any{{"filters": filters}}, "sorts": []map[string]string{{"propertyName": sort, "direction": "ASCENDING"}},
		"properties": t.kind.asked(), "limit": size,
	}))
	if err != nil {
		return adapters.Page{}, err
	}
	page, objects := t.kind.read(in)
	if err := a.associations(ctx, t, objects...); err != nil {
		return adapters.Page{}, err
	}
	for _, o := range objects {
		page.Observations = append(page.Observations, o.observe(a.connection))
	}
	full := len(in.Results) >= size
	if full && len(objects) == 0 {
		return adapters.Page{}, &fault.Error{Category: fault.Transient, Op: t.op, Message: "none of a page's objects can be read, so that there is nothing to go on from"}
	}
	page.More = full || from.ID != ""
	from = from.behind(objects, full)
	page.Watermark = time.UnixMilli(from.At).UTC()
	if page.More {
		page.Next = cursor.Encode(from)
	}
	return page, nil
}

type filter struct {
	Property string `json:"propertyName"`
	Operator string `json:"operator"`
	Value    string `json:"value"`
}

// behind is the place after the objects of a page; a full one has some.
func (p place) behind(objects []*object, full bool) place {
	switch {
	case p.ID != "" && !full: // all of that millisecond
		return place{At: p.At + 1}
	case len(objects) == 0:
		return p
	}
	last := objects[len(objects)-1]
	at := last.at().UnixMilli()
	switch {
	case p.ID != "":
		return place{At: p.At, ID: string(last.ID)}
	case at <= p.At && full:
		return place{At: p.At, ID: "0"}
	}
	return place{At: max(at, p.At)}
}

// read takes the objects of a page that can be read; the others are rejected.
func (k *kind) read(in answer) (page adapters.Page, objects []*object) {
	page.Total = in.Total
	for i, raw := range in.Results {
		o, err := k.decode(raw)
		if err != nil {
			page.Rejected = append(page.Rejected, adapters.Rejected{Where: fmt.Sprintf("entry %d", i), Reason: err.Error(), Raw: raw})
			continue
		}
		objects = append(objects, o)
	}
	return page, objects
}
