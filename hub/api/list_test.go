package api_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// dated puts customers whose update times are a second apart, and a pair with the same one.
func (w *world) dated(n int) []string {
	w.t.Helper()
	ids := make([]string, n)
	for i := range n {
		ids[i] = string(w.put(model.Customer, "shop", fmt.Sprintf("s%d", i)))
		second := i
		if i == 1 {
			second = 0
		}
		w.exec(`update records set updated_at = '2026-01-01T00:00:00Z'::timestamptz + $2 * interval '1 second' where id = $1`, ids[i], second)
	}
	return ids
}

// all lists page by page; between is called after each page.
func (w *world) all(in *hubv1.ListCustomersRequest, between func(page int)) []string {
	w.t.Helper()
	var ids []string
	for page := 1; ; page++ {
		got, err := w.customers.ListCustomers(w.t.Context(), in)
		must(w.t, err)
		if n := len(got.GetCustomers()); n > int(in.GetPageSize()) && in.GetPageSize() > 0 {
			w.t.Fatalf("a page of %d records, at most %d were asked for", n, in.GetPageSize())
		}
		for _, r := range got.GetCustomers() {
			ids = append(ids, r.GetId())
		}
		if got.GetNextPageToken() == "" {
			return ids
		}
		between(page)
		in.PageToken = got.GetNextPageToken()
	}
}

func TestListPagesUnderInsertsInBetween(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ids := w.dated(7)
	var added []string
	add := func(int) {
		if len(added) < 3 {
			added = append(added, string(w.put(model.Customer, "shop", fmt.Sprintf("new%d", len(added)))))
		}
	}
	// Upwards, what is new is at the end: each record once, old ones and new ones.
	if got, want := w.all(&hubv1.ListCustomersRequest{PageSize: 2}, add), ids; !slices.Equal(got, append(want, added...)) {
		t.Errorf("upwards: %v, want %v and %v", got, want, added)
	}
	// Downwards, what is new is before the first page: the list is what it was when it began.
	old := slices.Concat(ids, added)
	slices.Reverse(old)
	added = nil
	if got := w.all(&hubv1.ListCustomersRequest{PageSize: 3, OrderBy: "update_time desc"}, add); !slices.Equal(got, old) {
		t.Errorf("downwards: %v, want %v", got, old)
	}
}

func TestListFiltersByUpdateTime(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ids := w.dated(5)
	for filter, want := range map[string][]string{
		`update_time >= "2026-01-01T00:00:03Z"`:                                         ids[3:],
		`update_time > "2026-01-01T00:00:03Z"`:                                          ids[4:],
		`update_time < "2026-01-01T00:00:03Z"`:                                          ids[:3],
		`update_time <= "2026-01-01T00:00:03Z"`:                                         ids[:4],
		`update_time = "2026-01-01T00:00:00Z"`:                                          ids[:2],
		`update_time > "2026-01-01T00:00:00Z" AND update_time < "2026-01-01T00:00:04Z"`: ids[2:4],
		`update_time < "0001-01-01T00:00:00Z"`:                                          nil,
		`update_time > "9999-12-31T23:59:59-14:00"`:                                     nil,
	} {
		if got := w.all(&hubv1.ListCustomersRequest{Filter: filter, PageSize: 1}, func(int) {}); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", filter, got, want)
		}
		if records, _ := w.get("/v1/customers?filter=" + url.QueryEscape(filter)).body["customers"].([]any); len(records) != len(want) {
			t.Errorf("REST %s: %d records, want %d", filter, len(records), len(want))
		}
	}
}

func TestListPageSize(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.dated(52)
	got, err := w.customers.ListCustomers(t.Context(), &hubv1.ListCustomersRequest{})
	must(t, err)
	if len(got.GetCustomers()) != 50 || got.GetNextPageToken() == "" {
		t.Errorf("the first page has %d records and the token %q, want 50 and one", len(got.GetCustomers()), got.GetNextPageToken())
	}
	got, err = w.customers.ListCustomers(t.Context(), &hubv1.ListCustomersRequest{PageSize: 1000, PageToken: got.GetNextPageToken()})
	must(t, err)
	if len(got.GetCustomers()) != 2 || got.GetNextPageToken() != "" {
		t.Errorf("the last page has %d records and the token %q, want 2 and none", len(got.GetCustomers()), got.GetNextPageToken())
	}
	for _, size := range []int32{-1, 1001} {
		_, err := w.customers.ListCustomers(t.Context(), &hubv1.ListCustomersRequest{PageSize: size})
		if info(err).GetReason() != "INVALID_REQUEST" {
			t.Errorf("page_size %d: %v", size, err)
		}
	}
}

func TestListEndsAPageOfLongRecordsEarly(t *testing.T) {
	t.Parallel()
	w := setup(t)
	long, err := proto.Marshal(&canonicalv1.Customer{Note: proto.String(strings.Repeat("x", 60_000))})
	must(t, err)
	ids := w.dated(90)
	w.exec(`update records set message = $1`, long)
	pages := 1
	got := w.all(&hubv1.ListCustomersRequest{PageSize: 1000}, func(int) { pages++ })
	if !slices.Equal(got, ids) || pages < 2 {
		t.Errorf("%d records on %d pages, want %d on several: one page would be longer than gRPC clients take", len(got), pages, len(ids))
	}
}

func TestListRefusesForeignPageTokens(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.dated(3)
	filter := `update_time >= "2026-01-01T00:00:00Z"`
	first, err := w.customers.ListCustomers(t.Context(), &hubv1.ListCustomersRequest{PageSize: 1, Filter: filter})
	must(t, err)
	token := first.GetNextPageToken()
	forge := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	plain, err := base64.RawURLEncoding.DecodeString(token)
	must(t, err)
	var of string
	if _, after, ok := strings.Cut(string(plain), `"l":`); ok {
		of = strings.TrimSuffix(after, "}")
	}
	id := newID(t, model.Customer)
	now, text := base64.StdEncoding.EncodeToString(model.TimeKey(time.Now())), base64.StdEncoding.EncodeToString(model.TextKey("x"))
	never := base64.StdEncoding.EncodeToString(model.TimeKey(time.Unix(1<<60, 0)))
	genuine := &hubv1.ListCustomersRequest{PageToken: forge(fmt.Sprintf(`{"k":%q,"i":%q,"l":%s}`, now, id, of)), Filter: filter}
	if _, err := w.customers.ListCustomers(t.Context(), genuine); err != nil {
		t.Errorf("what a forged token must be like: %v", err)
	}
	for name, in := range map[string]*hubv1.ListCustomersRequest{
		"other filter":     {PageToken: token, Filter: `update_time >= "2026-01-01T00:00:01Z"`},
		"no filter":        {PageToken: token},
		"other order":      {PageToken: token, Filter: filter, OrderBy: "update_time desc"},
		"garbage":          {PageToken: "garbage", Filter: filter},
		"no base64":        {PageToken: "%%%", Filter: filter},
		"cut":              {PageToken: token[:len(token)-4], Filter: filter},
		"no object":        {PageToken: forge(`[]`), Filter: filter},
		"id of no kind":    {PageToken: forge(fmt.Sprintf(`{"k":%q,"i":"x\u0000","l":%s}`, now, of)), Filter: filter},
		"id of an order":   {PageToken: forge(fmt.Sprintf(`{"k":%q,"i":%q,"l":%s}`, now, newID(t, model.Order), of)), Filter: filter},
		"time out of time": {PageToken: forge(fmt.Sprintf(`{"k":%q,"i":%q,"l":%s}`, never, id, of)), Filter: filter},
		"no time":          {PageToken: forge(fmt.Sprintf(`{"k":%q,"i":%q,"l":%s}`, text, id, of)), Filter: filter},
		"no key":           {PageToken: forge(fmt.Sprintf(`{"i":%q,"l":%s}`, id, of)), Filter: filter},
	} {
		_, err := w.customers.ListCustomers(t.Context(), in)
		if status.Code(err) != codes.InvalidArgument || info(err).GetReason() != "INVALID_PAGE_TOKEN" {
			t.Errorf("%s: %v", name, err)
		}
	}
	orders := hubv1.NewOrderServiceClient(w.conn)
	if _, err := orders.ListOrders(t.Context(), &hubv1.ListOrdersRequest{PageToken: token, Filter: filter}); info(err).GetReason() != "INVALID_PAGE_TOKEN" {
		t.Errorf("token of another kind: %v", err)
	}
	for _, order := range []string{"", "update_time", "update_time asc"} {
		in := &hubv1.ListCustomersRequest{PageToken: token, Filter: filter, OrderBy: order, PageSize: 2}
		if got, err := w.customers.ListCustomers(t.Context(), in); err != nil || len(got.GetCustomers()) != 2 {
			t.Errorf("the same list, said as %q and with another page size: %v, %v", order, got, err)
		}
	}
}

// A record that changes while it is listed upwards moves to the end, and is seen there, too; none is missed.
func TestListUpwardsMissesNoChange(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ids := w.dated(4)
	got := w.all(&hubv1.ListCustomersRequest{PageSize: 1}, func(page int) {
		if page == 1 {
			must(t, w.Store.InTx(t.Context(), func(tx *store.Tx) error {
				r, err := w.Store.Record(t.Context(), store.RecordID(ids[2]))
				if err != nil {
					return err
				}
				r.Revision++
				return tx.PutRecord(r)
			}))
		}
	})
	if want := []string{ids[0], ids[1], ids[3], ids[2]}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if last, err := w.Store.Record(t.Context(), store.RecordID(ids[2])); err != nil || time.Since(last.UpdatedAt) > time.Hour {
		t.Errorf("the changed record: %v, %v", last, err)
	}
}
