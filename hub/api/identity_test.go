package api_test

import (
	"fmt"
	"net/http"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

func TestRecordsAreMergedAndParted(t *testing.T) {
	t.Parallel()
	w := setup(t)
	older := string(w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID)
	younger := string(w.Observe("crm", w.crm.Edit("c1", hubtest.Named("A. Lovelace", "lovelace@example.com"))).RecordID)
	merged, err := w.customers.MergeCustomers(t.Context(), &hubv1.MergeCustomersRequest{Ids: []string{younger, older}, Why: "one person"})
	must(t, err)
	if merged.GetId() != older || merged.GetCustomer().GetName().GetFull() != "Ada" {
		t.Fatalf("%v", merged)
	}
	for _, path := range []string{"/v1/customers/" + younger, "/v1/customers:lookup?connection=crm&external_id=c1", "/v1/customers/" + younger + ":explain"} {
		if a := w.get(path); a.code != 200 || a.body["id"] != older {
			t.Errorf("%s: %d %s, want the record that lives", path, a.code, a.text)
		}
	}
	if a := w.post("/v1/customers:merge", fmt.Sprintf(`{"ids": [%q, %q]}`, older, younger)); a.code != 200 || a.body["id"] != older {
		t.Errorf("merged again: %d %s", a.code, a.text)
	}
	a := w.post("/v1/customers/"+younger+":unmerge", `{"why": "father and daughter"}`)
	if a.code != 200 || a.body["id"] != younger || a.body["customer"].(map[string]any)["email"] != "lovelace@example.com" {
		t.Errorf("%d %s", a.code, a.text)
	}
	if again, err := w.customers.GetCustomer(t.Context(), &hubv1.GetCustomerRequest{Id: older}); err != nil || again.GetCustomer().GetEmail() != "ada@example.com" {
		t.Errorf("%v %v", again, err)
	}
	if _, err := w.customers.UnmergeCustomer(t.Context(), &hubv1.UnmergeCustomerRequest{Id: younger}); status.Code(err) != codes.FailedPrecondition || info(err).GetReason() != "IDENTITY_REFUSED" {
		t.Errorf("parted again: %v", err)
	}
	for body, want := range map[string]int{
		fmt.Sprintf(`{"ids": [%q, %q]}`, older, newID(t, model.Customer)): http.StatusNotFound,
		fmt.Sprintf(`{"ids": [%q, %q]}`, older, older):                    http.StatusBadRequest,
		fmt.Sprintf(`{"ids": [%q, %q]}`, older, newID(t, model.Order)):    http.StatusBadRequest,
	} {
		if a := w.post("/v1/customers:merge", body); a.code != want {
			t.Errorf("%s: %d %s, want %d", body, a.code, a.text, want)
		}
	}
}

func TestObjectsAreLinkedAndUnlinkedByHand(t *testing.T) {
	t.Parallel()
	w := setup(t)
	one := string(w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID)
	other := string(w.Observe("crm", w.crm.Edit("c1", hubtest.Named("A. Lovelace", "lovelace@example.com"))).RecordID)
	object := `"connection": "crm", "externalId": "c1"`
	if a := w.post("/v1/customers/"+one+":link", "{"+object+"}"); a.code != 400 || a.reason() != "IDENTITY_REFUSED" {
		t.Errorf("another record's object: %d %s", a.code, a.text)
	}
	if a := w.post("/v1/customers/"+one+":link", "{"+object+`, "move": true, "why": "hers"}`); a.code != 200 || a.body["id"] != one {
		t.Errorf("%d %s", a.code, a.text)
	}
	if a := w.get("/v1/customers:lookup?connection=crm&external_id=c1"); a.body["id"] != one {
		t.Errorf("the object is of %v", a.body["id"])
	}
	if a := w.post("/v1/customers/"+one+":unlink", "{"+object+"}"); a.code != 200 {
		t.Errorf("%d %s", a.code, a.text)
	}
	if a := w.get("/v1/customers:lookup?connection=crm&external_id=c1"); a.code != 404 {
		t.Errorf("%d %s", a.code, a.text)
	}
	if a := w.post("/v1/customers/"+other+":unlink", "{"+object+"}"); a.code != 400 || a.reason() != "IDENTITY_REFUSED" {
		t.Errorf("what is not linked: %d %s", a.code, a.text)
	}
	if a := w.post("/v1/customers/"+one+":link", `{"connection": "nobody", "externalId": "c1"}`); a.code != 404 || a.reason() != "CONNECTION_NOT_FOUND" {
		t.Errorf("%d %s", a.code, a.text)
	}
}

// reviewFor finds the one open review for a reason.
func (w *world) reviewFor(reason hubv1.ReviewReason) *hubv1.Review {
	w.t.Helper()
	page, err := hubv1.NewReviewServiceClient(w.conn).ListReviews(w.t.Context(), &hubv1.ListReviewsRequest{Reason: reason})
	must(w.t, err)
	if len(page.GetReviews()) != 1 {
		w.t.Fatalf("%d reviews for %s, want 1", len(page.GetReviews()), reason)
	}
	return page.GetReviews()[0]
}

func TestRecordsThatShareAKeyAreMergedByTheirReview(t *testing.T) {
	t.Parallel()
	w := setup(t)
	one := string(w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID)
	w.Observe("shop", w.shop.Edit("s2", hubtest.Named("A. L.", "lovelace@example.com")))
	w.Observe("shop", w.shop.Edit("s2", hubtest.Named("A. L.", "ada@example.com")))
	r := w.reviewFor(hubv1.ReviewReason_REVIEW_REASON_SHARED_KEY)
	if fmt.Sprint(r.GetChoices()) != "[merge dismiss]" {
		t.Errorf("choices: %v", r.GetChoices())
	}
	path := fmt.Sprintf("/v1/reviews/%d:resolve", r.GetId())
	if a := w.post(path, `{"take": {"source": "shop"}}`); a.code != 400 || a.reason() != "INVALID_CHOICE" {
		t.Errorf("%d %s", a.code, a.text)
	}
	a := w.post(path, `{"merge": true, "why": "one person"}`)
	if a.code != 200 || a.body["resolution"] != "REVIEW_RESOLUTION_RESOLVED" {
		t.Fatalf("%d %s", a.code, a.text)
	}
	if a := w.get("/v1/customers:lookup?connection=shop&external_id=s2"); a.body["id"] != one {
		t.Errorf("%d %s", a.code, a.text)
	}
}

// hear takes in an event of the crm that is about an object.
func (w *world) hear(id string) {
	w.t.Helper()
	r := &store.Receipt{ID: "receipt-" + id, Connection: "crm", EventKey: id, Body: []byte(id), CorrelationID: id}
	must(w.t, w.Store.InTx(w.t.Context(), func(tx *store.Tx) error {
		if _, err := tx.PutReceipts(w.t.Context(), []*store.Receipt{r}); err != nil {
			return err
		}
		return w.Queue.Translate(w.t.Context(), tx, []*store.Receipt{r})
	}))
}

func TestAnObjectThatSeveralRecordsMatchIsLinkedByItsReview(t *testing.T) {
	t.Parallel()
	for choice, together := range map[string]bool{`"linkTo": %q`: false, `"merge": true, "why": %q`: true} {
		t.Run(choice, func(t *testing.T) {
			t.Parallel()
			policies := hubtest.Preferring("shop", "crm")
			policies["customer"].Targets["crm"].Create = false // c1 is to be the only object there
			w := setupWith(t, policies)
			one := string(w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID)
			w.Observe("shop", w.shop.Edit("s2", hubtest.Named("Ada", "other@example.com")))
			other := string(w.Observe("shop", w.shop.Edit("s2", hubtest.Named("Ada", "ada@example.com"))).RecordID)
			w.crm.Edit("c1", hubtest.Named("Ada", "ada@example.com"))
			w.crm.Edit("c1", hubtest.Phone("+491"))
			w.hear("c1")
			w.Work()
			w.Until("a review is open", func() bool {
				page, err := w.Store.Reviews(t.Context(), store.ReviewQuery{Kinds: model.Kinds(), Reason: store.AmbiguousMatch, Limit: 1})
				return err == nil && len(page) == 1
			})
			r := w.reviewFor(hubv1.ReviewReason_REVIEW_REASON_AMBIGUOUS_MATCH)
			a := w.post(fmt.Sprintf("/v1/reviews/%d:resolve", r.GetId()), "{"+fmt.Sprintf(choice, other)+"}")
			if a.code != 200 || a.body["resolution"] != "REVIEW_RESOLUTION_RESOLVED" {
				t.Fatalf("%d %s", a.code, a.text)
			}
			want := other
			if together {
				want = one
			}
			w.Until("what it said counts", func() bool {
				found := w.get("/v1/customers:lookup?connection=crm&external_id=c1")
				customer, _ := found.body["customer"].(map[string]any)
				return found.body["id"] == want && customer["phone"] == "+491"
			})
		})
	}
}
