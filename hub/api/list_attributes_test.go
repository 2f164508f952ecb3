package api_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/types/known/timestamppb"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// putText stores a record that is written in protobuf's text form, with what lists know of it.
func (w *world) putText(kind model.Kind, text string) string {
	w.t.Helper()
	id := w.put(kind, "shop", text)
	must(w.t, w.Store.InTx(w.t.Context(), func(tx *store.Tx) error {
		r, err := w.Store.Record(w.t.Context(), id)
		if err != nil {
			return err
		}
		must(w.t, prototext.Unmarshal([]byte(text), r.Message))
		r.Revision++
		if err := tx.PutRecord(r); err != nil {
			return err
		}
		tx.PutPromoted(r, slices.Concat(model.For(kind).Paths(), model.For(kind).Custom(r.Message)))
		return nil
	}))
	return string(id)
}

// customersOf puts customers and names them 0, 1, 2...
func (w *world) customersOf(texts ...string) func(ids []string) string {
	names := map[string]string{}
	for i, text := range texts {
		names[w.putText(model.Customer, text)] = fmt.Sprint(i)
	}
	return func(ids []string) string {
		var all []string
		for _, id := range ids {
			all = append(all, names[id])
		}
		return strings.Join(all, " ")
	}
}

func TestListFiltersByAttributes(t *testing.T) {
	t.Parallel()
	w := setup(t)
	long := strings.Repeat("ä", 400)
	named := w.customersOf(
		`email: "ada@example.com" lifecycle_stage: LIFECYCLE_STAGE_LEAD tags: ["vip", "new", "vip"] name { full: "Ada" }`,
		`email: "Ada@example.com" lifecycle_stage: LIFECYCLE_STAGE_CUSTOMER tags: "vip" billing_address { country_code: "DE" }`,
		`company: "`+long+`x" lifecycle_stage_raw: "Evaluating" custom { key: "tier" value { text: "gold" } }`,
		`company: "`+long+`y" custom { key: "tier" value { texts { values: ["gold", "new"] } } } custom { key: "score" value { decimal: "12.5" } }`,
		`company: "" custom { key: "score" value { decimal: "-3" } } custom { key: "since" value { time { seconds: 1767225600 } } }`,
		`account_owner { external_id: "u1" email: "eve@example.com" } custom { key: "score" value { money { currency_code: "EUR" units: 12 nanos: 500000000 } } }`,
		``,
	)
	for filter, want := range map[string]string{
		``:                          "0 1 2 3 4 5 6",
		`email = "ada@example.com"`: "0",
		`email = 'Ada@example.com' AND lifecycle_stage = CUSTOMER`: "1",
		`email = "Ada@example.com" AND lifecycle_stage = LEAD`:     "",
		`email = "nobody@example.com"`:                             "",
		`email:*`:                                                  "0 1",
		`email >= "a"`:                                             "0",
		`email < "a"`:                                              "1",
		`tags:"vip"`:                                               "0 1",
		`tags:"vip" AND tags:"new"`:                                "0",
		`tags:*`:                                                   "0 1",
		`name.full = "Ada"`:                                        "0",
		`billing_address.country_code = DE`:                        "1",
		`lifecycle_stage >= LEAD`:                                  "0 1",
		`lifecycle_stage > LEAD`:                                   "1",
		`lifecycle_stage = LEAD OR lifecycle_stage = CUSTOMER`: "0 1",
		`lifecycle_stage = UNSPECIFIED`:                        "2",
		`lifecycle_stage_raw = "Evaluating"`:                   "2",
		`company:*`:                                            "2 3",
		`company = "` + long + `y"`:                            "3",
		`company = "` + long + `"`:                             "",
		`custom.tier = "gold"`:                                 "2 3",
		`custom.tier:"new"`:                                    "3",
		`custom.tier:*`:                                        "2 3",
		`custom.score = 12.50`:                                 "3 5",
		`custom.score < 0`:                                     "4",
		`custom.score > -4`:                                    "3 4 5",
		`custom.score:*`:                                       "3 4 5",
		`custom.score = "12.5"`:                                "",
		`custom.since = "2026-01-01T01:00:00+01:00"`:           "4",
		`custom.since > "2026-01-01T00:00:00Z"`:                "",
		`custom.never:*`:                                       "",
		`account_owner.external_id = "u1" AND account_owner.email = "eve@example.com"`:              "5",
		`email:* AND create_time > "2020-01-01T00:00:00Z" AND update_time > "2020-01-01T00:00:00Z"`: "0 1",
		`email:* AND create_time < "2020-01-01T00:00:00Z"`:                                          "",
		`company > "a" AND company < "a"`:                                                           "",
	} {
		if got := named(w.all(&hubv1.ListCustomersRequest{Filter: filter, PageSize: 2}, func(int) {})); got != want {
			t.Errorf("%s: %q, want %q", filter, got, want)
		}
		answer := w.get("/v1/customers?showTotalSize=true&filter=" + url.QueryEscape(filter))
		if records, _ := answer.body["customers"].([]any); answer.code != 200 || len(records) != len(strings.Fields(want)) || answer.body["totalSize"] != float64(len(records)) {
			t.Errorf("REST %s: %s, want %d", filter, answer.text, len(strings.Fields(want)))
		}
	}
}

func TestListOrdersByAttributes(t *testing.T) {
	t.Parallel()
	w := setup(t)
	named := w.customersOf(
		`email: "c@example.com" lifecycle_stage: LIFECYCLE_STAGE_FORMER company: "x"`,
		`email: "a@example.com" lifecycle_stage: LIFECYCLE_STAGE_LEAD company: "x"`,
		``,
		`email: "b@example.com" lifecycle_stage: LIFECYCLE_STAGE_SUBSCRIBER company: "x" tags: "t"`,
	)
	for _, c := range []struct{ order, filter, want string }{
		{"", "", "0 1 2 3"},
		{"update_time desc", "", "3 2 1 0"},
		{"create_time", "", "0 1 2 3"},
		{"create_time desc", "company:*", "3 1 0"},
		{"delete_time", "", ""},
		{"email", "", "1 3 0"},
		{"email asc", "", "1 3 0"},
		{"email desc", "", "0 3 1"},
		{"lifecycle_stage", "", "3 1 0"},
		{"company desc", "", "3 1 0"},
		{"email", `email > "a@example.com"`, "3 0"},
		{"email desc", `company = "x" AND email < "c"`, "3 1"},
		{"email", `email = "c@example.com" OR email = "b@example.com"`, "3 0"},
		{"email", `tags:"t"`, "3"},
	} {
		in := &hubv1.ListCustomersRequest{OrderBy: c.order, Filter: c.filter, PageSize: 1}
		if got := named(w.all(in, func(int) {})); got != c.want {
			t.Errorf("%q of %q: %q, want %q", c.order, c.filter, got, c.want)
		}
		got, err := w.customers.ListCustomers(t.Context(), &hubv1.ListCustomersRequest{OrderBy: c.order, Filter: c.filter, ShowTotalSize: true})
		if err != nil || int(got.GetTotalSize()) != len(strings.Fields(c.want)) || got.TotalSize == nil || got.TotalSizeAtLeast != nil {
			t.Errorf("%q of %q: size %v, %v", c.order, c.filter, got, err)
		}
	}
	for _, order := range []string{"note", "tags", "custom.tier", "placeholder", "email,company", "email descending", "Email", "billing_address"} {
		_, err := w.customers.ListCustomers(t.Context(), &hubv1.ListCustomersRequest{OrderBy: order})
		if info(err).GetReason() != "INVALID_REQUEST" {
			t.Errorf("order_by %q: %v", order, err)
		}
	}
}

func TestListTellsItsSizeOnRequestAlone(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.customersOf("", "", "")
	got, err := w.customers.ListCustomers(t.Context(), &hubv1.ListCustomersRequest{PageSize: 1})
	if err != nil || got.TotalSize != nil || got.TotalSizeAtLeast != nil {
		t.Errorf("nobody asked: %v, %v", got, err)
	}
	got, err = w.customers.ListCustomers(t.Context(), &hubv1.ListCustomersRequest{PageSize: 1, ShowTotalSize: true, PageToken: got.GetNextPageToken()})
	if err != nil || got.GetTotalSize() != 3 || len(got.GetCustomers()) != 1 {
		t.Errorf("the second page: %v, %v; want the size of the whole list", got, err)
	}
}

// What the other kinds are asked for most.
func TestListsOfOtherKinds(t *testing.T) {
	t.Parallel()
	w := setup(t)
	customer := w.putText(model.Customer, "")
	at := timestamppb.New(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)).GetSeconds()
	order := w.putText(model.Order, fmt.Sprintf(`number: "#1001" status: ORDER_STATUS_OPEN customer { record_id: %q } place_time { seconds: %d }
		total { currency_code: "EUR" units: 99 nanos: 500000000 } currency_code: "EUR" test: false`, customer, at))
	invoice := w.putText(model.Invoice, fmt.Sprintf(`number: "R-1" order { record_id: %q } due_time { seconds: %d } status: INVOICE_STATUS_OPEN
		amount_due { currency_code: "EUR" units: -1 }`, order, at))
	ticket := w.putText(model.Ticket, fmt.Sprintf(`requester { record_id: %q } priority: TICKET_PRIORITY_HIGH assignee { external_id: "7" }`, customer))
	for path, want := range map[string]string{
		`orders?filter=number = "%231001" AND status = OPEN&orderBy=place_time desc`: order,
		`orders?filter=customer = "` + customer + `"&orderBy=total`:                  order,
		`orders?filter=total > 99.49 AND total <= 99.5 AND currency_code = EUR`:      order,
		`orders?filter=test = false AND place_time >= "2026-03-01T00:00:00Z"`:        order,
		`orders?filter=test = true`: "",
		`invoices?filter=amount_due < 0 AND due_time < "2026-03-02T00:00:00Z" AND order:*`: invoice,
		`tickets?filter=priority >= NORMAL AND NOT delete_time:*&orderBy=priority`:         ticket,
		`tickets?filter=requester = "` + customer + `" AND assignee.external_id = 7`:       ticket,
		`tickets?filter=priority = URGENT OR priority = LOW`:                               "",
	} {
		answer := w.get("/v1/" + strings.NewReplacer(" ", "+", `"`, "%22", ">", "%3E", "<", "%3C").Replace(path))
		var got string
		for _, list := range answer.body {
			if records, ok := list.([]any); ok && len(records) == 1 {
				got = records[0].(map[string]any)["id"].(string)
			}
		}
		if answer.code != 200 || got != want {
			t.Errorf("%s: %q, want %q: %d %.200s", path, got, want, answer.code, answer.text)
		}
	}
}

func TestListLeavesOutOnRequest(t *testing.T) {
	t.Parallel()
	w := setup(t)
	named := w.customersOf(`email: "a@example.com"`, `email: "b@example.com"`, `email: "c@example.com"`, `email: "d@example.com"`)
	all := w.all(&hubv1.ListCustomersRequest{}, nil)
	w.exec(`update records set deleted_at = now() where id = $1`, all[1])
	w.exec(`update records set placeholder = true where id = $1`, all[2])
	w.exec(`update records set merged_into = $2 where id = $1`, all[3], all[0])
	for filter, want := range map[string]string{
		``:                    "0 1 2",
		`email:*`:             "0 1 2",
		`delete_time:*`:       "1",
		`NOT delete_time:*`:   "0 2",
		`placeholder = true`:  "2",
		`placeholder = false`: "0 1",
		`NOT delete_time:* AND placeholder = false AND email:*`: "0",
		`delete_time > "2020-01-01T00:00:00Z"`:                  "1",
		`delete_time < "2020-01-01T00:00:00Z"`:                  "",
	} {
		if got := named(w.all(&hubv1.ListCustomersRequest{Filter: filter, PageSize: 1}, func(int) {})); got != want {
			t.Errorf("%s: %q, want %q", filter, got, want)
		}
	}
	if got := named(w.all(&hubv1.ListCustomersRequest{OrderBy: "delete_time"}, nil)); got != "1" {
		t.Errorf("by delete_time: %q", got)
	}
	if got, err := w.customers.ListCustomers(t.Context(), &hubv1.ListCustomersRequest{ShowTotalSize: true, Filter: "email:*"}); err != nil || got.GetTotalSize() != 3 {
		t.Errorf("%v, %v: what was merged away is counted", got, err)
	}
}
