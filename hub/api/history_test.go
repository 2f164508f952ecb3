package api_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// history reads all revisions of a record, some on a page.
func (w *world) history(id store.RecordID, size int32) []*hubv1.CustomerRevision {
	w.t.Helper()
	var all []*hubv1.CustomerRevision
	in := &hubv1.ListCustomerRevisionsRequest{Id: string(id), PageSize: size}
	for {
		page, err := w.customers.ListCustomerRevisions(w.t.Context(), in)
		must(w.t, err)
		all = append(all, page.GetRevisions()...)
		if in.PageToken = page.GetNextPageToken(); in.PageToken == "" {
			return all
		}
	}
}

// inShort is a history in short.
func inShort(all []*hubv1.CustomerRevision) string {
	var b strings.Builder
	for _, r := range all {
		fmt.Fprintf(&b, "%d:%s ", r.GetRevision(), r.GetRecord().GetCustomer().GetPhone())
	}
	return strings.TrimSpace(b.String())
}

func TestARecordsHistoryIsListed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var id store.RecordID
	for i := range 5 {
		id = w.Observe("shop", w.shop.Edit("s1", hubtest.Phone(fmt.Sprintf("+493011111%d", i)))).RecordID
	}
	all := w.history(id, 2)
	if got := inShort(all); got != "5:+4930111114 4:+4930111113 3:+4930111112 2:+4930111111 1:+4930111110" {
		t.Errorf("the history is %s", got)
	}
	now, err := w.customers.GetCustomer(t.Context(), &hubv1.GetCustomerRequest{Id: string(id)})
	must(t, err)
	if newest := all[0]; !proto.Equal(newest.GetRecord(), now) || newest.GetSource() != "shop" || newest.GetCorrelationId() != "test" || fmt.Sprint(newest.GetPaths()) != "[phone]" {
		t.Errorf("the newest is %v, want %v", newest, now)
	}
	a := w.get("/v1/customers/" + string(id) + "/revisions?pageSize=1")
	if a.code != 200 || len(a.body["revisions"].([]any)) != 1 || a.body["nextPageToken"] == "" {
		t.Errorf("over REST: %d %s", a.code, a.text)
	}
	other := w.put(model.Customer, "shop", "s2")
	for path, reason := range map[string]string{
		string(newID(t, model.Customer)) + "/revisions":                            "RECORD_NOT_FOUND",
		string(id) + "/revisions?pageToken=x":                                      "INVALID_PAGE_TOKEN",
		string(other) + "/revisions?pageToken=" + a.body["nextPageToken"].(string): "INVALID_PAGE_TOKEN",
		string(newID(t, model.Order)) + "/revisions":                               "INVALID_REQUEST",
	} {
		if a := w.get("/v1/customers/" + path); a.reason() != reason {
			t.Errorf("%s: %d %s, want %s", path, a.code, a.text, reason)
		}
	}
}

func TestARecordIsReadAsItWas(t *testing.T) {
	t.Parallel()
	w := setup(t)
	before := time.Now().Add(-time.Hour)
	id := w.Observe("shop", w.shop.Edit("s1", hubtest.Phone("+4930111110"))).RecordID
	for i := range 3 {
		w.Observe("shop", w.shop.Edit("s1", hubtest.Phone(fmt.Sprintf("+493011111%d", i+1))))
	}
	all := w.history(id, 0)
	as := func(in *hubv1.GetCustomerRequest) (*hubv1.CustomerRecord, error) {
		in.Id = string(id)
		return w.customers.GetCustomer(t.Context(), in)
	}
	for _, r := range all {
		byRevision, err := as(&hubv1.GetCustomerRequest{Revision: r.GetRevision()})
		must(t, err)
		byTime, err := as(&hubv1.GetCustomerRequest{ReadTime: r.GetTime()})
		must(t, err)
		if !proto.Equal(byRevision, r.GetRecord()) || !proto.Equal(byTime, r.GetRecord()) {
			t.Errorf("revision %d is %v, and at its time %v; want %v", r.GetRevision(), byRevision, byTime, r.GetRecord())
		}
	}
	between := all[1].GetTime().AsTime().Add(-time.Microsecond)
	if got, err := as(&hubv1.GetCustomerRequest{ReadTime: timestamppb.New(between)}); err != nil || got.GetRevision() != 2 {
		t.Errorf("just before revision 3: %v %v", got, err)
	}
	if a := w.get("/v1/customers/" + string(id) + "?readTime=" + url.QueryEscape(between.Format(time.RFC3339Nano))); a.body["revision"] != "2" {
		t.Errorf("over REST: %d %s", a.code, a.text)
	}
	if a := w.get("/v1/customers/" + string(id) + "?revision=3"); a.body["revision"] != "3" {
		t.Errorf("over REST: %d %s", a.code, a.text)
	}
	for name, c := range map[string]struct {
		in     *hubv1.GetCustomerRequest
		code   codes.Code
		reason string
	}{
		"a revision to come":      {&hubv1.GetCustomerRequest{Revision: 5}, codes.NotFound, "REVISION_NOT_FOUND"},
		"a time before it":        {&hubv1.GetCustomerRequest{ReadTime: timestamppb.New(before)}, codes.NotFound, "RECORD_NOT_FOUND"},
		"a time to come":          {&hubv1.GetCustomerRequest{ReadTime: timestamppb.New(time.Now().Add(time.Hour))}, codes.InvalidArgument, "INVALID_REQUEST"},
		"a time that is none":     {&hubv1.GetCustomerRequest{ReadTime: &timestamppb.Timestamp{Nanos: -1}}, codes.InvalidArgument, "INVALID_REQUEST"},
		"a revision and a time":   {&hubv1.GetCustomerRequest{Revision: 1, ReadTime: all[0].GetTime()}, codes.InvalidArgument, "INVALID_REQUEST"},
		"a revision, and waiting": {&hubv1.GetCustomerRequest{Revision: 1, MinRevision: 1}, codes.InvalidArgument, "INVALID_REQUEST"},
	} {
		if got, err := as(c.in); status.Code(err) != c.code || info(err).GetReason() != c.reason {
			t.Errorf("%s: %v %v, want %s", name, got, err, c.reason)
		}
	}
	unknown := &hubv1.GetCustomerRequest{Id: string(newID(t, model.Customer)), Revision: 1}
	if _, err := w.customers.GetCustomer(t.Context(), unknown); info(err).GetReason() != "RECORD_NOT_FOUND" {
		t.Errorf("an unknown record: %v", err)
	}
}

// An id that was merged away keeps its own history; by time, it is what answered for it then.
func TestHistoryGoesThroughMerges(t *testing.T) {
	t.Parallel()
	w := setup(t)
	root := w.Observe("shop", w.shop.Edit("s0", hubtest.Phone("+4930111110"))).RecordID
	middle := w.Observe("shop", w.shop.Edit("s1", hubtest.Phone("+4930111111"))).RecordID
	leaf := w.Observe("crm", w.crm.Edit("c2", hubtest.Phone("+4930111112"))).RecordID
	at := func() time.Time { now, err := w.Store.Now(t.Context()); must(t, err); return now }
	apart := at()
	w.Merge(middle, leaf)
	one := at()
	w.Merge(root, middle)
	both := at()
	w.Unmerge(root, middle)
	parted := at()
	if got := w.history(leaf, 0); len(got) != 2 || got[0].GetMergedInto() != string(middle) || got[1].GetMergedInto() != "" {
		t.Errorf("the merged one's history is %v", got)
	}
	for name, c := range map[string]struct {
		when time.Time
		id   store.RecordID
	}{"before": {apart, leaf}, "once merged": {one, middle}, "merged twice": {both, root}, "parted again": {parted, middle}} {
		got, err := w.customers.GetCustomer(t.Context(), &hubv1.GetCustomerRequest{Id: string(leaf), ReadTime: timestamppb.New(c.when)})
		if err != nil || got.GetId() != string(c.id) {
			t.Errorf("%s: %v %v, want %s", name, got, err, c.id)
		}
	}
	own, err := w.customers.GetCustomer(t.Context(), &hubv1.GetCustomerRequest{Id: string(leaf), Revision: 1})
	if err != nil || own.GetId() != string(leaf) || own.GetCustomer().GetPhone() != "+4930111112" {
		t.Errorf("its own first revision: %v %v", own, err)
	}
}

// After the cut, a record can be read as it was at any time since, and what is gone is said to be gone.
func TestHistoryThatIsCut(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var id store.RecordID
	for i := range 5 {
		id = w.Observe("shop", w.shop.Edit("s1", hubtest.Phone(fmt.Sprintf("+493011111%d", i)))).RecordID
	}
	still := w.Observe("shop", w.shop.Edit("s2", hubtest.Phone("+4930222222"))).RecordID
	all := w.history(id, 0)
	for range 3 { // the third change leaves last: the fourth stays in the feed
		if n, err := w.Store.CutChanges(t.Context(), 0, 3, 1); n != 1 || err != nil {
			t.Fatalf("%d changes left: %v", n, err)
		}
	}
	if n, err := w.Store.CutChanges(t.Context(), 0, 3, 1); n != 0 || err != nil {
		t.Fatalf("beyond what is settled, %d changes left: %v", n, err)
	}
	if got := inShort(w.history(id, 0)); got != "5:+4930111114 4:+4930111113 3:+4930111112" {
		t.Errorf("the history is %s", got)
	}
	for revision, reason := range map[int64]string{1: "REVISION_GONE", 2: "REVISION_GONE", 3: "", 5: ""} {
		_, err := w.customers.GetCustomer(t.Context(), &hubv1.GetCustomerRequest{Id: string(id), Revision: revision})
		if info(err).GetReason() != reason || reason != "" && status.Code(err) != codes.OutOfRange {
			t.Errorf("revision %d: %v", revision, err)
		}
	}
	if _, err := w.customers.GetCustomer(t.Context(), &hubv1.GetCustomerRequest{Id: string(id), ReadTime: all[3].GetTime()}); info(err).GetReason() != "REVISION_GONE" {
		t.Errorf("at the time of revision 2: %v", err)
	}
	if n, err := w.Store.CutChanges(t.Context(), time.Hour, 100, 100); n != 0 || err != nil {
		t.Errorf("%d young changes left: %v", n, err)
	}
	if n, err := w.Store.CutChanges(t.Context(), 0, 100, 100); n != 3 || err != nil {
		t.Errorf("%d changes left, want the rest: %v", n, err)
	}
	if got := inShort(w.history(still, 0)) + " " + inShort(w.history(id, 0)); got != "1:+4930222222 5:+4930111114" {
		t.Errorf("of each record the newest stays; there are %s", got)
	}
}
