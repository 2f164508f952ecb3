package stripe

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/cursor"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
	"github.com/canonhub/canonhub/adapters/mapping"
)

const (
	// maxPage is Stripe's largest page.
	maxPage = 100
	// remembers is how long Stripe keeps events, less a day.
	remembers = 29 * 24 * time.Hour
)

// pull is the same for both kinds.
var pull = adapters.Pull{MaxPage: maxPage, Changes: true, Deletes: true, Lag: time.Minute}

// place is how far a pull has come: the last object or event seen.
type place struct {
	// Begun is Stripe's clock at the first page.
	Begun int64  `json:"begun"`
	ID    string `json:"id"`
	// Created is the last one's time, by which the list goes on where its id is not known any more.
	Created int64 `json:"created"`
}

// Pull lists objects, or the events since a time.
func (a *api) Pull(ctx context.Context, q adapters.Query) (adapters.Page, error) {
	op := "pull " + string(q.Kind)
	var from place
	if err := cursor.Decode(q.Cursor, &from); err != nil {
		return adapters.Page{}, err
	}
	k := kinds[q.Kind]
	if k == nil {
		return adapters.Page{}, mapping.NotCarried(op)
	}
	path, query := k.list, url.Values{}
	switch {
	case !q.Since.IsZero() && a.now().Sub(q.Since) > remembers:
		return adapters.Page{}, &fault.Error{Category: fault.Gone, Op: op, Message: "Stripe keeps events for 30 days"}
	case !q.Since.IsZero():
		path = "/v1/events"
		query = url.Values{"created[gte]": {strconv.FormatInt(q.Since.Unix(), 10)}}
		for name, values := range k.changes {
			query[name] = values
		}
	}
	query.Set("limit", strconv.Itoa(min(max(q.Size, 1), maxPage)))
	r, err := a.list(ctx, op, path, query, from)
	if err != nil {
		return adapters.Page{}, err
	}
	return k.page(op, q, from, r)
}

// list reads the page behind a place.
func (a *api) list(ctx context.Context, op, path string, query url.Values, from place) (httpapi.Response, error) {
	if from.ID != "" {
		query.Set("starting_after", from.ID)
	}
	get := httpapi.Request{Method: http.MethodGet, Path: path, Query: query}
	r, err := a.call(ctx, op, get)
	if f := fault.As(err); f != nil && f.Code == "resource_missing" && from.ID != "" {
		// It was deleted since. What has the same second comes once more.
		query.Del("starting_after")
		query.Set("created[lte]", strconv.FormatInt(from.Created, 10))
		r, err = a.call(ctx, op, get)
	}
	return r, fault.OfNoObject(err, "such list of Stripe's")
}

// page reads what a list has.
func (k *kind) page(op string, q adapters.Query, from place, r httpapi.Response) (adapters.Page, error) {
	var in struct {
		Data    []json.RawMessage `json:"data"`
		HasMore *bool             `json:"has_more"`
	}
	if json.Unmarshal(r.Body, &in) != nil || in.Data == nil || in.HasMore == nil || *in.HasMore && len(in.Data) == 0 {
		return adapters.Page{}, &fault.Error{Category: fault.Transient, Op: op, Status: r.Status, Message: "the answer is no list of Stripe's"}
	}
	if from.Begun == 0 {
		from.Begun = r.Clock().Unix()
	}
	page := adapters.Page{More: *in.HasMore, Watermark: time.Unix(from.Begun, 0).UTC()}
	for i, raw := range in.Data {
		if err := k.take(&page, q, raw, r.Clock()); err != nil {
			page.Rejected = append(page.Rejected, adapters.Rejected{Where: fmt.Sprintf("entry %d", i), Reason: errShape.Error(), Raw: raw})
		}
	}
	if !page.More {
		return page, nil
	}
	var last struct {
		ID      string `json:"id"`
		Created int64  `json:"created"`
	}
	if json.Unmarshal(in.Data[len(in.Data)-1], &last) != nil || last.ID == "" {
		return adapters.Page{}, &fault.Error{Category: fault.Transient, Op: op, Status: r.Status, Message: "the list's last entry has no id to go on from"}
	}
	page.Next = cursor.Encode(place{Begun: from.Begun, ID: last.ID, Created: last.Created})
	return page, nil
}

// take reads one entry of a list: an object, as it now is, or an event.
func (k *kind) take(page *adapters.Page, q adapters.Query, raw []byte, now time.Time) error {
	if !q.Since.IsZero() {
		meaning, err := translator{}.Translate(adapters.Event{Body: raw})
		page.Observations = append(page.Observations, meaning.Observations...)
		page.Fetch = append(page.Fetch, meaning.Fetch...)
		return err
	}
	o, more, err := k.observe(raw)
	switch {
	case err != nil:
		return err
	case more:
		page.Fetch = append(page.Fetch, o.Object)
	default:
		o.At = now
		page.Observations = append(page.Observations, o)
	}
	return nil
}
