package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/store"
)

// disagreeing opens a hub where shop and crm disagree on a phone number that is held, and returns the record and its review.
func disagreeing(t *testing.T) (*world, hubv1.ReviewServiceClient, store.RecordID, *hubv1.Review) {
	t.Helper()
	policies := hubtest.Preferring("shop", "crm")
	policies["customer"].Attributes["phone"] = &configv1.Rule{Hold: []string{"shop", "crm"}}
	w := setupWith(t, policies)
	w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))
	id := w.Observe("shop", w.shop.Edit("s1", hubtest.Phone("+491"))).RecordID
	w.crm.Edit("c1", hubtest.Named("Ada", "ada@example.com"))
	w.Observe("crm", w.crm.Edit("c1", hubtest.Phone("+492")))
	reviews := hubv1.NewReviewServiceClient(w.conn)
	page, err := reviews.ListReviews(t.Context(), &hubv1.ListReviewsRequest{Kind: "customer", Reason: hubv1.ReviewReason_REVIEW_REASON_HELD, RecordId: string(id)})
	must(t, err)
	if len(page.GetReviews()) != 1 {
		t.Fatalf("%d reviews, want 1", len(page.GetReviews()))
	}
	return w, reviews, id, page.GetReviews()[0]
}

func TestReviewShowsBothSidesAndIsResolved(t *testing.T) {
	t.Parallel()
	w, reviews, id, listed := disagreeing(t)
	got, err := reviews.GetReview(t.Context(), &hubv1.GetReviewRequest{Id: listed.GetId()})
	must(t, err)
	if got.GetPath() != "phone" || len(got.GetRecords()) != 1 || got.GetRecordIds()[0] != string(id) || got.GetOpenTime() == nil || got.GetCloseTime() != nil {
		t.Fatalf("%v", got)
	}
	var phone *hubv1.AttributeExplanation
	for _, a := range got.GetRecords()[0].GetAttributes() {
		if a.GetPath() == "phone" {
			phone = a
		}
	}
	if phone == nil || !phone.GetDisputed() || phone.GetReviewId() != listed.GetId() || len(phone.GetLost()) != 2 || phone.GetRule().GetMode() != "hold" ||
		phone.GetLost()[0].GetReason() != hubv1.LossReason_LOSS_REASON_DISAGREED || phone.GetLost()[0].GetClaim().GetTime() == nil {
		t.Fatalf("%v", phone)
	}
	path := fmt.Sprintf("/v1/reviews/%d", listed.GetId())
	a := w.post(path+":resolve", `{"take": {"source": "crm"}, "why": "asked her"}`)
	if a.code != http.StatusOK || a.body["resolution"] != "REVIEW_RESOLUTION_RESOLVED" || a.body["closedBy"] != "loopback" || a.body["why"] != "asked her" {
		t.Errorf("%d %s", a.code, a.text)
	}
	record, err := w.customers.GetCustomer(t.Context(), &hubv1.GetCustomerRequest{Id: string(id)})
	must(t, err)
	if record.GetCustomer().GetPhone() != "+492" {
		t.Errorf("phone is %s", record.GetCustomer().GetPhone())
	}
	explained, err := w.customers.ExplainCustomer(t.Context(), &hubv1.ExplainCustomerRequest{Id: string(id)})
	must(t, err)
	for _, a := range explained.GetAttributes() {
		if d := a.GetDecision(); a.GetPath() == "phone" && (d.GetSide() != "crm" || d.GetBy() != "loopback" || d.GetWhy() != "asked her" || a.GetReviewId() != 0) {
			t.Errorf("%v", a)
		}
	}
	_, err = reviews.ResolveReview(t.Context(), &hubv1.ResolveReviewRequest{Id: listed.GetId(), Choice: &hubv1.ResolveReviewRequest_Authority{Authority: "shop"}})
	if status.Code(err) != codes.FailedPrecondition || info(err).GetReason() != "REVIEW_CLOSED" {
		t.Errorf("a closed review: %v", err)
	}
	if open := w.get("/v1/reviews"); strings.Contains(open.text, `"id"`) {
		t.Errorf("open still: %s", open.text)
	}
	if all := w.get("/v1/reviews?include_closed=true"); !strings.Contains(all.text, `"id":"`+fmt.Sprint(listed.GetId())) {
		t.Errorf("closed ones: %s", all.text)
	}
}

func TestResolvingTellsWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	w, reviews, id, listed := disagreeing(t)
	value := func(text string) *structpb.Value { return structpb.NewStringValue(text) }
	for name, in := range map[string]*hubv1.ResolveReviewRequest{
		"INVALID_CHOICE a side that says nothing": {Choice: &hubv1.ResolveReviewRequest_Take{Take: &hubv1.TakeSide{Source: "desk"}}},
		"INVALID_CHOICE a value of another form":  {Choice: &hubv1.ResolveReviewRequest_Value{Value: value("ring me")}},
		"INVALID_CHOICE a source that is none":    {Choice: &hubv1.ResolveReviewRequest_Authority{Authority: "desk"}},
		"INVALID_CHOICE a merge":                  {Choice: &hubv1.ResolveReviewRequest_Merge{Merge: true}},
		"INVALID_REQUEST no choice":               {},
		"REVIEW_NOT_FOUND no such review":         {Id: 4711, Choice: &hubv1.ResolveReviewRequest_Resume{Resume: true}},
	} {
		if in.Id == 0 {
			in.Id = listed.GetId()
		}
		want, _, _ := strings.Cut(name, " ")
		if _, err := reviews.ResolveReview(t.Context(), in); info(err).GetReason() != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := reviews.ResolveReview(t.Context(), &hubv1.ResolveReviewRequest{Id: listed.GetId(), Choice: &hubv1.ResolveReviewRequest_Value{Value: value("+499")}})
	must(t, err)
	record, err := w.customers.GetCustomer(t.Context(), &hubv1.GetCustomerRequest{Id: string(id)})
	must(t, err)
	if record.GetCustomer().GetPhone() != "+499" {
		t.Errorf("phone is %s", record.GetCustomer().GetPhone())
	}
}

func TestDismissedReviewIsNotOpenedForTheSameAgain(t *testing.T) {
	t.Parallel()
	w, reviews, id, listed := disagreeing(t)
	got, err := reviews.DismissReview(t.Context(), &hubv1.DismissReviewRequest{Id: listed.GetId(), Why: "never mind"})
	must(t, err)
	if got.GetResolution() != hubv1.ReviewResolution_REVIEW_RESOLUTION_DISMISSED {
		t.Errorf("%v", got)
	}
	w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada King", "ada@example.com")))
	if open := w.get("/v1/reviews"); strings.Contains(open.text, `"id"`) {
		t.Errorf("open again: %s", open.text)
	}
	w.Observe("shop", w.shop.Edit("s1", hubtest.Phone("+495")))
	if open := w.get("/v1/reviews?record_id=" + string(id)); !strings.Contains(open.text, `"id"`) {
		t.Errorf("a new disagreement opens none: %s", open.text)
	}
}

func TestDecideWithoutAReview(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID
	a := w.post("/v1/records/"+string(id)+":decide", `{"path": "email", "value": "own@example.com", "why": "typo"}`)
	if a.code != http.StatusOK || a.body["revision"] != "2" {
		t.Errorf("%d %s", a.code, a.text)
	}
	if a := w.post("/v1/records/"+string(id)+":decide", `{"path": "email", "withdraw": true}`); a.code != http.StatusOK || a.body["revision"] != "3" {
		t.Errorf("%d %s", a.code, a.text)
	}
	if a := w.post("/v1/records/customer_01h455vb4pex5vsknk084sn02q:decide", `{"path": "email", "withdraw": true}`); a.code != http.StatusNotFound {
		t.Errorf("%d %s", a.code, a.text)
	}
}

func TestReviewPagesAreComplete(t *testing.T) {
	t.Parallel()
	policies := hubtest.Preferring("shop", "crm")
	policies["customer"].Attributes["phone"] = &configv1.Rule{Hold: []string{"shop", "crm"}}
	w := setupWith(t, policies)
	for i := range 7 {
		email := fmt.Sprintf("ada%d@example.com", i)
		w.shop.Edit(hubtest.ID("s", i), hubtest.Named("Ada", email))
		w.Observe("shop", w.shop.Edit(hubtest.ID("s", i), hubtest.Phone("+491")))
		w.crm.Edit(hubtest.ID("c", i), hubtest.Named("Ada", email))
		w.Observe("crm", w.crm.Edit(hubtest.ID("c", i), hubtest.Phone("+492")))
	}
	reviews := hubv1.NewReviewServiceClient(w.conn)
	seen, token := map[int64]bool{}, ""
	for range 4 {
		page, err := reviews.ListReviews(t.Context(), &hubv1.ListReviewsRequest{PageSize: 3, PageToken: token})
		must(t, err)
		for _, r := range page.GetReviews() {
			if seen[r.GetId()] {
				t.Errorf("review %d twice", r.GetId())
			}
			seen[r.GetId()] = true
		}
		if token = page.GetNextPageToken(); token == "" {
			break
		}
	}
	if len(seen) != 7 || token != "" {
		t.Errorf("%d reviews, token %q", len(seen), token)
	}
	_, err := reviews.ListReviews(t.Context(), &hubv1.ListReviewsRequest{PageSize: 3, PageToken: "x"})
	if info(err).GetReason() != "INVALID_PAGE_TOKEN" {
		t.Errorf("%v", err)
	}
}
