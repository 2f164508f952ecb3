package adaptertest_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/cursor"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
)

// place is the last thing seen.
type place struct {
	At     int64  `json:"at"`
	ID     string `json:"id"`
	Offset int    `json:"offset,omitempty"`
}

func (a *toy) Pull(ctx context.Context, q adapters.Query) (adapters.Page, error) {
	var from place
	if err := cursor.Decode(q.Cursor, &from); err != nil && a.sin != "begins any cursor at once" {
		return adapters.Page{}, err
	}
	size := min(max(q.Size, 1), 100)
	query := url.Values{"limit": {strconv.Itoa(size)}, "at": {strconv.FormatInt(from.At, 10)}, "id": {from.ID}}
	if !q.Since.IsZero() && a.sin != "leaves deletes out" && a.sin != "pulls all for changes" {
		query.Set("since", strconv.FormatInt(q.Since.UnixMilli(), 10))
	}
	switch a.sin {
	case "pages by offset":
		query = url.Values{"limit": query["limit"], "since": query["since"], "offset": {strconv.Itoa(from.Offset)}}
	case "skips equal times":
		query.Set("id", "999999999")
	case "loops over equal times":
		query.Set("id", "0")
	}
	answer, err := a.call(ctx, "pull", httpapi.Request{Method: "GET", Path: "/things", Query: query})
	if err != nil {
		return a.failed(err)
	}
	return a.page(answer.Body, q, from, size)
}

func (a *toy) failed(err error) (adapters.Page, error) {
	if a.sin == "takes a failure for the end" {
		return adapters.Page{Watermark: a.settings.Now()}, nil
	}
	if f := fault.As(err); f.Category == fault.Gone {
		f.Category = fault.Permanent // there is no list
	}
	return adapters.Page{}, err
}

func (a *toy) page(body []byte, q adapters.Query, from place, size int) (adapters.Page, error) {
	var in struct{ Things []json.RawMessage }
	err := json.Unmarshal(body, &in)
	if (err != nil || in.Things == nil) && a.sin != "takes junk for an empty page" {
		return adapters.Page{}, &fault.Error{Category: fault.Transient, Op: "pull", Message: "it is no page"}
	}
	page := adapters.Page{More: len(in.Things) == size, Watermark: q.Since}
	if from.At > 0 {
		page.Watermark = time.UnixMilli(from.At)
	}
	for _, raw := range in.Things {
		o, err := a.observe(raw)
		if err != nil {
			return adapters.Page{}, err
		}
		from = place{At: o.At.UnixMilli(), ID: string(o.ExternalID), Offset: from.Offset + 1}
		page.Observations, page.Watermark = append(page.Observations, o), o.At
	}
	if page.Watermark.IsZero() {
		page.Watermark = time.UnixMilli(1)
	}
	switch page.Next = cursor.Encode(from); {
	case a.sin == "stops early":
		page.More = false
	case a.sin == "says no watermark":
		page.Watermark = time.Time{}
	case a.sin == "leaves changes out":
		page.Watermark = page.Watermark.Add(time.Minute)
	}
	if !page.More {
		page.Next = ""
	}
	return page, nil
}

func (a *toy) Archive(ctx context.Context, r adapters.Request) (adapters.Observation, error) {
	path := "/things/" + url.PathEscape(string(r.ExternalID))
	if a.sin == "archives another" {
		path += "0"
	}
	answer, err := a.call(ctx, "archive", httpapi.Request{Method: http.MethodDelete, Path: path})
	if err != nil && (fault.CategoryOf(err) != fault.Gone || a.sin == "archives once") {
		return adapters.Observation{}, err
	}
	is, _ := a.observe(answer.Body)
	missing := err != nil && (string(answer.Body) == noThing || a.sin == "takes any 404 for an archive")
	if !is.Gone && !missing && a.sin != "takes any answer for an archive" {
		return adapters.Observation{}, &fault.Error{Category: fault.Transient, Op: "archive", Status: answer.Status, MaybeDone: true, Message: "the answer does not show it archived"}
	}
	return adapters.Observation{Object: adapters.Object{Kind: r.Kind, ExternalID: r.ExternalID}, Gone: true, At: a.settings.Now()}, nil
}

func (a *toy) Count(ctx context.Context, _ adapters.Kind) (int, error) {
	answer, err := a.call(ctx, "count", httpapi.Request{Method: "GET", Path: "/count"})
	if err != nil {
		f := fault.As(err)
		if f.Category == fault.Gone && a.sin != "counts what is gone" {
			f.Category = fault.Permanent
		}
		return 0, f
	}
	var in struct{ Count *int }
	if json.Unmarshal(answer.Body, &in) != nil || in.Count == nil {
		return 0, &fault.Error{Category: fault.Transient, Op: "count", Message: "it is no count"}
	}
	if a.sin == "counts to three" {
		return min(*in.Count, 3), nil
	}
	return *in.Count, nil
}
