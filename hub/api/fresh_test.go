package api_test

import (
	"context"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/hubtest"
)

// aside opens a hub with a record of the shop's, whose object has since got a phone number that no event told of.
func aside(t *testing.T) (*world, string) {
	t.Helper()
	w := setup(t)
	id := string(w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID)
	w.shop.Edit("s1", hubtest.Phone("+491"))
	return w, id
}

func TestAReadThatMustBeFreshAsksTheSource(t *testing.T) {
	t.Parallel()
	w, id := aside(t)
	began := time.Now()
	r, err := w.customers.GetCustomer(t.Context(), &hubv1.GetCustomerRequest{Id: id, MaxAge: durationpb.New(0)})
	must(t, err)
	if r.GetCustomer().GetPhone() != "+491" || r.GetFreshness().GetVerifyTime().AsTime().Before(began.Add(-time.Second)) || len(r.GetFreshness().GetStale()) != 0 {
		t.Errorf("%v", r)
	}
	w.shop.Edit("s1", hubtest.Phone("+492"))
	if a := w.get("/v1/customers/" + id + "?max_age=3600s"); a.code != 200 || a.body["customer"].(map[string]any)["phone"] != "+491" {
		t.Errorf("it was heard a moment ago, and asked again: %d %s", a.code, a.text)
	}
	if a := w.get("/v1/customers/" + id); a.body["freshness"] != nil {
		t.Errorf("%s", a.text)
	}
	if a := w.get("/v1/customers/" + id + "?max_age=-1s"); a.code != 400 {
		t.Errorf("%d %s", a.code, a.text)
	}
}

func TestAReadThatCannotBeFreshSaysHowOldItIs(t *testing.T) {
	t.Parallel()
	w, id := aside(t)
	answer := make(chan struct{})
	w.shop.BeforeFetchReturns = func() { <-answer }
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	r, err := w.customers.GetCustomer(ctx, &hubv1.GetCustomerRequest{Id: id, MaxAge: durationpb.New(0)})
	must(t, err)
	stale := r.GetFreshness().GetStale()
	if r.GetCustomer().Phone != nil || len(stale) != 1 || stale[0].GetConnection() != "shop" || stale[0].GetExternalId() != "s1" || stale[0].GetReason() == "" {
		t.Errorf("%v", r)
	}
	close(answer)
	w.Until("what was asked is taken in, though nobody waited for it", func() bool {
		r, err := w.customers.GetCustomer(t.Context(), &hubv1.GetCustomerRequest{Id: id})
		return err == nil && r.GetCustomer().GetPhone() == "+491"
	})
}

func TestAPausedConnectionIsNotAsked(t *testing.T) {
	t.Parallel()
	w, id := aside(t)
	if a := w.post("/v1/connections/shop:pause", `{"reason": "holidays"}`); a.code != 200 {
		t.Fatalf("%d %s", a.code, a.text)
	}
	r, err := w.customers.GetCustomer(t.Context(), &hubv1.GetCustomerRequest{Id: id, MaxAge: durationpb.New(0)})
	must(t, err)
	if stale := r.GetFreshness().GetStale(); r.GetCustomer().Phone != nil || len(stale) != 1 || stale[0].GetVerifyTime() == nil && r.GetFreshness().GetVerifyTime() != nil {
		t.Errorf("%v", r)
	}
}
