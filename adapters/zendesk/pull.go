package zendesk

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
	"github.com/canonhub/canonhub/adapters/mapping"
)

const (
	// maxPage is half of what Zendesk allows: a page of tickets with long descriptions must fit into an answer.
	maxPage = 500
	// lag is a minute that exports hold back, and one between the clocks.
	lag = 2 * time.Minute
)

// pulls is what can be pulled.
var pulls = adapters.Pull{MaxPage: maxPage, Changes: true, Deletes: true, Lag: lag}

// place is Zendesk's own cursor.
type place struct {
	After string `json:"after"`
}

// Pull reads a page of the incremental export, which from its beginning is everything. Its cursor goes on beyond the end
// of a pull.
func (a *api) Pull(ctx context.Context, q adapters.Query) (adapters.Page, error) {
	op := "pull " + string(q.Kind) + "s"
	var from place
	k := kinds[q.Kind]
	if err := cursor.Decode(q.Cursor, &from); err != nil {
		return adapters.Page{}, err
	}
	if k == nil {
		return adapters.Page{}, mapping.NotCarried(op)
	}
	query := url.Values{"per_page": {strconv.Itoa(min(max(q.Size, 1), maxPage))}}
	if from.After != "" {
		query.Set("cursor", from.After)
	} else {
		query.Set("start_time", strconv.FormatInt(a.begin(q.Since), 10))
	}
	r, err := a.read(ctx, op, root+"incremental/"+k.many+"/cursor", query)
	if err != nil {
		return adapters.Page{}, ofCursor(ofNoObject(err), from)
	}
	list, err := k.list(op, r)
	if err != nil {
		return adapters.Page{}, err
	}
	var end struct {
		AfterCursor string `json:"after_cursor"`
		EndOfStream *bool  `json:"end_of_stream"`
	}
	switch err := json.Unmarshal(r.Body, &end); {
	case err != nil || end.EndOfStream == nil || !*end.EndOfStream && (end.AfterCursor == "" || end.AfterCursor == from.After):
		return adapters.Page{}, &fault.Error{Category: fault.Transient, Op: op, Status: r.Status, Message: "the answer does not say where to go on"}
	}
	page := k.page(list, a.connection)
	page.More, page.Watermark = !*end.EndOfStream, cursor.Later(r.Clock(), q.Since)
	if end.AfterCursor == "" {
		end.AfterCursor = from.After // an empty page may have none
	}
	if end.AfterCursor != "" {
		page.Next = cursor.Encode(place{end.AfterCursor})
	}
	return page, nil
}

// begin is where an export begins. Zendesk takes no time of the last minute, which it holds back anyway.
func (a *api) begin(since time.Time) int64 {
	if since.IsZero() {
		return 0
	}
	return max(min(since.Unix(), a.now().Add(-lag).Unix()), 0)
}

// ofCursor judges a failure of a page that has a cursor: one that Zendesk does not take is known no more.
func ofCursor(err error, from place) error {
	f := fault.As(err)
	if err != nil && from.After != "" && (f.Status == http.StatusBadRequest || f.Status == http.StatusUnprocessableEntity) {
		f.Category, f.Message = fault.Gone, "Zendesk does not know the cursor any more"
		return f
	}
	return err
}

// page takes the objects of a page. Staff are passed over.
func (k *kind) page(list []json.RawMessage, connection string) adapters.Page {
	var page adapters.Page
	for i, raw := range list {
		o, err := decode(raw)
		switch {
		case err != nil:
			page.Rejected = append(page.Rejected, adapters.Rejected{Where: fmt.Sprintf("entry %d", i), Reason: err.Error(), Raw: raw})
		case k != users || !isStaff(o.text("role")):
			page.Observations = append(page.Observations, k.observe(o, connection))
		}
	}
	return page
}
