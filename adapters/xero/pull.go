package xero

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/cursor"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
)

// lag is what a change may take to show in a list, and the difference of the clocks.
const lag = 2 * time.Minute

// place is how far a pull has come in a list that is ordered by id. That is safe though it is a count: see the package's
// comment.
type place struct {
	// Begun is Xero's clock at the first page, in milliseconds.
	Begun int64 `json:"begun"`
	// Passed is how many of the list are behind.
	Passed int `json:"passed"`
	// Count is how many the list had.
	Count int `json:"count"`
	// Size is Xero's own size of a page, where that is below the one asked for; else 0. Pages are counted by it.
	Size int `json:"size,omitempty"`
}

// page is what a page of a list holds.
type page struct {
	list []json.RawMessage
	next place
	more bool
	// hollow says that it has nothing, though the list is told to go on there.
	hollow bool
}

// cursor is where the next one begins; empty where this is the last.
func (p page) cursor() string {
	if !p.more {
		return ""
	}
	return cursor.Encode(p.next)
}

func noPage(op string, r httpapi.Response) error {
	return &fault.Error{Category: fault.Transient, Op: op, Status: r.Status, Message: "the answer is no page of Xero's"}
}

// Pull reads a page of all objects, or of those that changed.
func (a *api) Pull(ctx context.Context, q adapters.Query) (adapters.Page, error) {
	op, k := "pull "+string(q.Kind)+"s", a.kinds[q.Kind]
	in, err := a.page(ctx, op, k, q, url.Values{})
	if err != nil {
		return adapters.Page{}, err
	}
	begun := time.UnixMilli(in.next.Begun).UTC()
	out := adapters.Page{Next: in.cursor(), More: in.more, Watermark: cursor.Later(begun, q.Since), Total: in.next.Count}
	for i, raw := range in.list {
		o, err := k.decode(raw)
		if err != nil {
			out.Rejected = append(out.Rejected, adapters.Rejected{Where: fmt.Sprintf("entry %d", i), Reason: err.Error(), Raw: raw})
			continue
		}
		out.Observations = append(out.Observations, k.observe(o))
	}
	return out, nil
}

// List reads the short form of objects, for their ids and times.
func (a *api) List(ctx context.Context, q adapters.Query) (adapters.Listing, error) {
	op, k := "list "+string(q.Kind)+"s", a.kinds[q.Kind]
	in, err := a.page(ctx, op, k, q, url.Values{"summaryOnly": {"true"}})
	if err != nil {
		return adapters.Listing{}, err
	}
	out := adapters.Listing{Next: in.cursor(), More: in.more}
	for _, raw := range in.list {
		o, err := k.decode(raw)
		if err != nil {
			return adapters.Listing{}, &fault.Error{Category: fault.Transient, Op: op, Message: "an entry cannot be read", Err: err}
		}
		if !k.gone(o) {
			out.Entries = append(out.Entries, adapters.Entry{ExternalID: adapters.ExternalID(o.id), At: o.at()})
		}
	}
	return out, nil
}

// page reads a page of a list that is ordered by id. more is asked for beside what a list of the kind is.
func (a *api) page(ctx context.Context, op string, k *kind, q adapters.Query, more url.Values) (page, error) {
	var from place
	if err := cursor.Decode(q.Cursor, &from); err != nil {
		return page{}, err
	}
	if k == nil || from.Passed < 0 {
		return page{}, &fault.Error{Category: fault.Permanent, Op: op, Message: "this kind is not carried"}
	}
	size := min(max(q.Size, 1), k.maxPage)
	if from.Size > 0 {
		size = min(size, from.Size)
	}
	number := from.Passed/size + 1 // of another size than before: some is read twice
	call := httpapi.Request{Path: root + k.many, Query: maps.Clone(k.listed), Header: http.Header{}}
	maps.Copy(call.Query, k.asked)
	maps.Copy(call.Query, more)
	call.Query.Set("page", strconv.Itoa(number))
	call.Query.Set("pageSize", strconv.Itoa(size))
	if q.Since.Year() >= 1970 { // else everything: Xero's times begin somewhere
		call.Header.Set("If-Modified-Since", q.Since.UTC().Format("2006-01-02T15:04:05"))
	}
	r, err := a.read(ctx, op, call)
	if err != nil {
		return page{}, ofNoObject(err)
	}
	if from.Begun == 0 {
		from.Begun = r.Clock().UnixMilli()
	}
	out, err := from.turned(op, r, k.list(r.Body), number, size)
	if err == nil && out.hollow && q.Since.IsZero() { // nobody promises that what is told of a list counts its changes alone
		return page{}, noPage(op, r)
	}
	return out, err
}

// turned is a page, and the place behind it. Should something have left the list all the same, since nobody can promise
// another's habits, the pull goes back by as much.
func (p place) turned(op string, r httpapi.Response, list []json.RawMessage, number, size int) (page, error) {
	var answer struct {
		Pagination *struct {
			PageSize  int `json:"pageSize"`
			PageCount int `json:"pageCount"`
			ItemCount int `json:"itemCount"`
		} `json:"pagination"`
	}
	_ = json.Unmarshal(r.Body, &answer) // without it, the end is an empty page
	told := answer.Pagination
	if list == nil || told != nil && told.PageSize > size {
		return page{}, noPage(op, r)
	}
	out := page{list: list, more: len(list) > 0, next: p}
	if told == nil || told.PageCount == 0 && len(list) > 0 {
		out.next.Passed = number * size
		return out, nil
	}
	if told.PageSize > 0 && told.PageSize < size {
		size, out.next.Size = told.PageSize, told.PageSize
	}
	out.hollow = number <= told.PageCount && len(list) == 0
	out.more, out.next.Passed, out.next.Count = number < told.PageCount, number*size, told.ItemCount
	if left := p.Count - told.ItemCount; left > 0 {
		out.more, out.next.Passed = true, max((number-1)*size-left, 0)
	}
	return out, nil
}
