package xero_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/xero/sandbox"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

func TestTimesInEachForm(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"/Date(1539993600000+0000)/": "2018-10-20", "/Date(1539993600000)/": "2018-10-20", "/Date(1539950400000+1200)/": "2018-10-20", "/Date(1540015200000-0600)/": "2018-10-20",
		"/Date(-62135596800000)/": "0001-01-01", "2018-10-20T00:00:00": "2018-10-20", "2018-10-20 00:00:00": "2018-10-20", "2018-10-20": "2018-10-20", "2018-10-20T00:00:00+13:00": "2018-10-20",
		"/Date(9999999999999999)/": "", "/Date(999999999999999)/": "", "/Date(1e3)/": "", "/Date()/": "", "20/10/2018": "", "": "none",
	} {
		b := &bundle{Adapter: connect(t, says(http.StatusOK, fmt.Sprintf(
			`{"Invoices":[{"InvoiceID":"1","Type":"ACCREC","CurrencyCode":"EUR","UpdatedDateUTC":"/Date(1541176290160)/","Date":%q}]}`, text)))}
		seen := b.fetch(t, "invoice", "1")
		is := seen.Message.(*canonicalv1.Invoice).GetIssueTime()
		switch {
		case want == "" && (is != nil || len(seen.Unusable) != 1 || slices.Contains(seen.Paths, "issue_time")):
			t.Errorf("%q is read as %v, unusable %v", text, is, seen.Unusable)
		case want == "none" && (is != nil || seen.Unusable != nil):
			t.Errorf("no date is read as %v", is)
		case len(want) == 10 && is.AsTime().Format(time.RFC3339) != want+"T00:00:00Z":
			t.Errorf("%q is read as %v, want %s", text, is.AsTime(), want)
		}
		if want := time.UnixMilli(1541176290160).UTC(); !seen.At.Equal(want) {
			t.Errorf("changed at %s, want %s", seen.At, want)
		}
	}
}

func TestTelephoneNumbersInTheirParts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for want, parts := range map[string][3]string{ // country, area, number
		"+442079460018": {"44", "020", "7946 0018"}, "+16468471294": {"+1", "(646)", "847-1294"}, "+4930901820": {"0049", "30", "901820"}, "+6441111111": {"", "", "+64 4 111 1111"}, "": {"", "04", "111 1111"},
	} {
		id := b.make(t, "Contacts", map[string]any{"Name": "Of " + want, "Phones": []any{
			map[string]string{"PhoneType": "DEFAULT", "PhoneCountryCode": parts[0], "PhoneAreaCode": parts[1], "PhoneNumber": parts[2]},
		}})
		seen := b.fetch(t, "customer", id)
		if got := seen.Message.(*canonicalv1.Customer).GetPhone(); got != want || (want == "") != (len(seen.Unusable) == 1) {
			t.Errorf("%v is read as %q, unusable %v; want %q", parts, got, seen.Unusable, want)
		}
	}
}

// pulled reads all pages, and what they say of each object, the newest last.
func (b *bundle) pulled(t *testing.T, q adapters.Query, sizes ...int) (said map[adapters.ExternalID]adapters.Observation, last adapters.Page) {
	t.Helper()
	said = map[adapters.ExternalID]adapters.Observation{}
	for n := 0; ; n++ {
		q.Size = sizes[n%len(sizes)]
		page, err := b.Puller.Pull(t.Context(), q)
		must(t, err)
		for _, o := range page.Observations {
			said[o.ExternalID] = o
		}
		if !page.More {
			return said, page
		}
		q.Cursor = page.Next
	}
}

func TestAPullOfChangesTellsHowContactsEnded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ids := map[string]adapters.ExternalID{}
	for _, name := range []string{"kept", "archived", "merged", "winner", "forgotten", "restored"} {
		ids[name] = b.make(t, "Contacts", map[string]any{"Name": name})
	}
	must(t, b.sandbox.Archive(string(ids["restored"])))
	b.forward(time.Hour)
	since := b.time()
	must(t, b.sandbox.Archive(string(ids["archived"])))
	must(t, b.sandbox.Merge(string(ids["merged"]), string(ids["winner"])))
	must(t, b.sandbox.Forget(string(ids["forgotten"])))
	must(t, b.sandbox.Restore(string(ids["restored"])))
	said, _ := b.pulled(t, adapters.Query{Kind: "customer", Since: since}, 2)
	for name, want := range map[string]adapters.Observation{
		"archived": {Gone: true}, "merged": {Gone: true, MergedInto: ids["winner"]}, "forgotten": {Gone: true, Erase: true}, "winner": {}, "restored": {},
	} {
		if got, ok := said[ids[name]]; !ok || got.Gone != want.Gone || got.Erase != want.Erase || got.MergedInto != want.MergedInto {
			t.Errorf("%s: told %v, as %+v", name, ok, got)
		}
	}
	if _, told := said[ids["kept"]]; told || len(said) != 5 {
		t.Errorf("the pull says something of %d contacts, of the one that did not change too: %v", len(said), told)
	}
	listing, err := b.Lister.List(t.Context(), adapters.Query{Kind: "customer", Size: 100})
	if err != nil || len(listing.Entries) != 3 || listing.More {
		t.Errorf("listed %+v, %v; want the three that are in use", listing, err)
	}
}

// The size may be another for each page: some are read twice then, and none is left out.
func TestPagesOfChangingSizesLeaveNothingOut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for n := range 53 {
		b.make(t, "Contacts", map[string]any{"Name": fmt.Sprintf("Contact %d", n)})
	}
	for _, sizes := range [][]int{{7}, {1, 50, 3}, {10, 9, 8, 7}, {500}, {2, 1}} {
		if said, last := b.pulled(t, adapters.Query{Kind: "customer"}, sizes...); len(said) != 53 || last.Total != 53 {
			t.Errorf("by %v, %d contacts were pulled of 53 (%d told)", sizes, len(said), last.Total)
		}
	}
}

// Nothing leaves a list at Xero. Should something all the same, what moved up is read by going back.
func TestAListThatBecomesShorterIsReadAgainFromBefore(t *testing.T) {
	t.Parallel()
	var ids []string
	for n := range 30 {
		ids = append(ids, fmt.Sprintf("contact-%02d", n))
	}
	calls := 0
	b := &bundle{Adapter: connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls++; calls%3 == 0 && len(ids) > 20 {
			ids = slices.Delete(ids, 0, 2)
		}
		says(http.StatusOK, pageOf(ids, r.URL.Query())).ServeHTTP(w, r)
	}))}
	said, _ := b.pulled(t, adapters.Query{Kind: "customer"}, 4)
	for _, id := range ids {
		if _, ok := said[adapters.ExternalID(id)]; !ok {
			t.Errorf("%s was there all the while, and is left out of %d calls", id, calls)
		}
	}
}

// pageOf is a page of contacts as Xero answers it.
func pageOf(ids []string, q url.Values) string {
	var page, size int
	_, _ = fmt.Sscan(q.Get("page"), &page)     // what the adapter sends
	_, _ = fmt.Sscan(q.Get("pageSize"), &size) // likewise
	var list []string
	for _, id := range ids[min((page-1)*size, len(ids)):min(page*size, len(ids))] {
		list = append(list, `{"ContactID":"`+id+`","ContactStatus":"ACTIVE","Name":"`+id+`","UpdatedDateUTC":"/Date(1488391422280+0000)/"}`)
	}
	return fmt.Sprintf(`{"pagination":{"page":%d,"pageSize":%d,"pageCount":%d,"itemCount":%d},"Contacts":[%s]}`, page, size, (len(ids)+size-1)/size, len(ids), strings.Join(list, ","))
}

func TestAPageThatDoesNotTellItsPlaceEndsWithAnEmptyOne(t *testing.T) {
	t.Parallel()
	b := &bundle{Adapter: connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ids := []string{"a", "b", "c", "d", "e"}
		_, list, _ := strings.Cut(pageOf(ids, r.URL.Query()), `"Contacts":`)
		says(http.StatusOK, `{"Contacts":`+list).ServeHTTP(w, r)
	}))}
	if said, _ := b.pulled(t, adapters.Query{Kind: "customer"}, 2); len(said) != 5 {
		t.Errorf("%d contacts were pulled of 5", len(said))
	}
	empty := &bundle{Adapter: connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, list, _ := strings.Cut(pageOf([]string{"a", "b", "c"}, r.URL.Query()), `"Contacts":`)
		says(http.StatusOK, `{"pagination":{},"Contacts":`+list).ServeHTTP(w, r)
	}))}
	if said, _ := empty.pulled(t, adapters.Query{Kind: "customer"}, 2); len(said) != 3 {
		t.Errorf("%d contacts were pulled of 3, by pages that tell nothing of themselves", len(said))
	}
	larger := &bundle{Adapter: connect(t, says(http.StatusOK, `{"pagination":{"page":1,"pageSize":100,"pageCount":2,"itemCount":150},"Contacts":[]}`))}
	_, err := larger.Puller.Pull(t.Context(), adapters.Query{Kind: "customer", Size: 2})
	wants(t, err, fault.Transient) // what it passed over nobody knows
}

func TestWhatAListAsksFor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var asked []string
	b.before = func(r *http.Request) {
		asked = append(asked, r.Header.Get("xero-tenant-id")+" "+r.Header.Get("If-Modified-Since")+" "+r.URL.Query().Encode())
	}
	since := time.Date(2026, 11, 2, 10, 59, 59, 999_000_000, time.FixedZone("", 2*3600))
	b.pulled(t, adapters.Query{Kind: "customer", Since: since}, 10_000)
	b.pulled(t, adapters.Query{Kind: "invoice"}, 0)
	_, err := b.Lister.List(t.Context(), adapters.Query{Kind: "invoice", Since: time.Unix(0, 0)})
	must(t, err)
	want := []string{
		tenant + " 2026-11-02T08:59:59 includeArchived=true&order=ContactID&page=1&pageSize=500",
		tenant + "  order=InvoiceId&page=1&pageSize=1&unitdp=4&where=Type%3D%3D%22ACCREC%22",
		tenant + " 1970-01-01T00:00:00 order=InvoiceId&page=1&pageSize=1&summaryOnly=true&unitdp=4&where=Type%3D%3D%22ACCREC%22",
	}
	if !slices.Equal(asked, want) {
		t.Errorf("asked for\n%s\nwant\n%s", strings.Join(asked, "\n"), strings.Join(want, "\n"))
	}
}

func TestABillIsOnNoPage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sells(t, map[string]any{"Type": "ACCPAY"})
	ours := b.sells(t, nil)
	if said, _ := b.pulled(t, adapters.Query{Kind: "invoice"}, 1); len(said) != 1 || said[ours].Message == nil {
		t.Errorf("pulled %+v, want the sales invoice alone", said)
	}
}

// The sandbox speaks as Xero does: of nothing that its documents do not have.
func TestNothingThatIsSaidIsUnknown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	customer := b.make(t, "Contacts", contact(1))
	sold := b.sells(t, map[string]any{"Status": "AUTHORISED"})
	must(t, b.sandbox.Pay(string(sold), b.object(t, "Invoices", sold).Number("AmountDue").String()))
	for id, kind := range map[adapters.ExternalID]adapters.Kind{customer: "customer", sold: "invoice"} {
		if seen := b.fetch(t, kind, id); seen.Unknown != nil || seen.Unusable != nil || seen.Paths != nil {
			t.Errorf("%s: unknown %v, unusable %v", kind, seen.Unknown, seen.Unusable)
		}
	}
}

func TestLimitsAreKeptAndTold(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *sandbox.Options) { o.PerMinute = 2 })
	must(t, b.Prober.Probe(t.Context()))
	must(t, b.Prober.Probe(t.Context()))
	f := wants(t, b.Prober.Probe(t.Context()), fault.Throttle)
	if f.Code != "minute" || f.RetryAfter != time.Minute {
		t.Errorf("%v, to be tried again after %s", f, f.RetryAfter)
	}
}

func TestAStrangerIsTurnedAway(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *sandbox.Options) { o.TenantID = "00000000-1111-2222-3333-444444444444" })
	if f := wants(t, b.Prober.Probe(t.Context()), fault.Auth); f.Code != "AuthenticationUnsuccessful" || !strings.Contains(f.Message, "tenant_id") {
		t.Errorf("another organisation: %v", f)
	}
	b = setup(t, func(o *sandbox.Options) { o.Token = "renewed" })
	if f := wants(t, b.Prober.Probe(t.Context()), fault.Auth); f.Code != "TokenExpired" {
		t.Errorf("another token: %v", f)
	}
}

// Xero may hold pages to fewer than are asked for: its numbers then count its own pages.
func TestPagesOfXerosOwnSizeLeaveNothingOut(t *testing.T) {
	t.Parallel()
	calls := 0
	b := &bundle{Adapter: connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls++; calls > 20 {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		q := r.URL.Query()
		q.Set("pageSize", "2")
		says(http.StatusOK, pageOf([]string{"a", "b", "c", "d", "e", "f", "g"}, q)).ServeHTTP(w, r)
	}))}
	if said, last := b.pulled(t, adapters.Query{Kind: "customer"}, 100, 5); len(said) != 7 || last.Total != 7 || calls != 4 {
		t.Errorf("%d contacts were pulled of 7 (%d told) by %d calls", len(said), last.Total, calls)
	}
}

func TestAPageThatShouldHaveSomethingIsNotPassedOver(t *testing.T) {
	t.Parallel()
	b := &bundle{Adapter: connect(t, says(http.StatusOK, `{"pagination":{"page":1,"pageSize":2,"pageCount":2,"itemCount":3},"Contacts":[]}`))}
	_, err := b.Puller.Pull(t.Context(), adapters.Query{Kind: "customer", Size: 2})
	wants(t, err, fault.Transient)
	_, err = b.Lister.List(t.Context(), adapters.Query{Kind: "customer", Size: 2})
	wants(t, err, fault.Transient)
	said, _ := b.pulled(t, adapters.Query{Kind: "customer", Since: time.Now()}, 2) // what is told may be of all, and this of changes
	if len(said) != 0 {
		t.Errorf("pulled %v of nothing", said)
	}
	b = &bundle{Adapter: connect(t, says(http.StatusOK, `{"pagination":{"page":1,"pageSize":200,"pageCount":1,"itemCount":3},"Invoices":[]}`))}
	_, err = b.Pusher.Find(t.Context(), adapters.Request{Kind: "invoice", RecordID: invoiceRecord, Body: []byte(`{"writes":{"customer":{"Contact":{"ContactID":"1"}}}}`)})
	wants(t, err, fault.Transient) // else it would be made a second time
	b = &bundle{Adapter: connect(t, says(http.StatusOK, `{"pagination":{"page":1,"pageSize":2,"pageCount":0,"itemCount":0},"Contacts":[]}`))}
	if said, _ := b.pulled(t, adapters.Query{Kind: "customer"}, 2); len(said) != 0 {
		t.Errorf("pulled %v of nothing", said)
	}
}

// A bill is gone, as none of ours. What does not say what it is may be a sale.
func TestAnInvoiceThatDoesNotTellItsTypeIsNotGone(t *testing.T) {
	t.Parallel()
	b := &bundle{Adapter: connect(t, says(http.StatusOK, `{"Invoices":[{"InvoiceID":"1","CurrencyCode":"EUR","UpdatedDateUTC":"/Date(1541176290160)/"}]}`))}
	seen, err := b.Fetcher.Fetch(t.Context(), adapters.Object{Kind: "invoice", ExternalID: "1"})
	if seen.Gone {
		t.Error("it is said to be gone")
	}
	wants(t, err, fault.Transient)
}
