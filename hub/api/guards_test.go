package api_test

import (
	"slices"
	"testing"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/api"
	"github.com/canonhub/canonhub/hub/connection"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/store"
)

// guarded is a hub that corrects an attribute once an hour, and lets one of all objects of the crm change.
func guarded(t *testing.T) (*world, hubv1.ReviewServiceClient) {
	t.Helper()
	policies := hubtest.Preferring("shop", "crm")
	policies["customer"].Attributes["*"] = &configv1.Rule{Authority: "shop"}
	policies["customer"].Targets["crm"].TugOfWar = &configv1.TugOfWar{Corrections: 1}
	w := &world{t: t, shop: hubtest.NewVendor(), crm: hubtest.NewVendor()}
	w.Hub = hubtest.New(t, hubtest.Options{Vendors: map[string]*hubtest.Vendor{"shop": w.shop, "crm": w.crm}, Policies: policies,
		Brakes: map[string]connection.Brake{"crm": {Min: 1, Share: 0.01}}})
	w.open(api.Options{Store: w.Store, Applier: w.Applier, Gate: w.Gate})
	return w, hubv1.NewReviewServiceClient(w.conn)
}

// only is the one open review.
func only(t *testing.T, reviews hubv1.ReviewServiceClient, reason hubv1.ReviewReason) *hubv1.Review {
	t.Helper()
	list, err := reviews.ListReviews(t.Context(), &hubv1.ListReviewsRequest{})
	must(t, err)
	if len(list.GetReviews()) != 1 || list.GetReviews()[0].GetReason() != reason {
		t.Fatalf("the open reviews are %v, want one for %s", list, reason)
	}
	return list.GetReviews()[0]
}

func TestATugOfWarIsResolvedByResume(t *testing.T) {
	t.Parallel()
	for _, dismissed := range []bool{false, true} {
		w, reviews := guarded(t)
		w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com")))
		id := w.Observe("shop", w.shop.Edit("s1", hubtest.Phone("+4930111111"))).RecordID
		w.Work()
		w.Agree()
		for range 2 {
			w.Observe("crm", w.crm.Edit("made-1", hubtest.Phone("+4930999999")))
			w.Agree()
		}
		target := func() *hubv1.TargetExplanation {
			targets := w.explain(id).GetTargets()
			return targets[slices.IndexFunc(targets, func(e *hubv1.TargetExplanation) bool { return e.GetConnection() == "crm" })]
		}
		if got := target(); !slices.Equal(got.GetContestedPaths(), []string{"phone"}) || len(got.GetOwedPaths()) > 0 {
			t.Errorf("Explain says %v, want the phone number contested", got)
		}
		r := only(t, reviews, hubv1.ReviewReason_REVIEW_REASON_TUG_OF_WAR)
		_, err := reviews.ResolveReview(t.Context(), &hubv1.ResolveReviewRequest{Id: r.GetId(), Choice: &hubv1.ResolveReviewRequest_LetThrough{LetThrough: true}})
		if info(err).GetReason() != "INVALID_CHOICE" {
			t.Errorf("a tug of war is let through: %v", err)
		}
		want := "+4930111111"
		if dismissed {
			want = "+4930999999"
			_, err = reviews.DismissReview(t.Context(), &hubv1.DismissReviewRequest{Id: r.GetId()})
		} else {
			_, err = reviews.ResolveReview(t.Context(), &hubv1.ResolveReviewRequest{Id: r.GetId(), Choice: &hubv1.ResolveReviewRequest_Resume{Resume: true}})
		}
		must(t, err)
		w.Agree()
		if got := w.crm.Customer("made-1").GetPhone(); got != want {
			t.Errorf("dismissed %v: the crm has %s, want %s", dismissed, got, want)
		}
	}
}

func TestABrakeIsReleasedByItsReview(t *testing.T) {
	t.Parallel()
	resolve := func(choice *hubv1.ResolveReviewRequest) func(*testing.T, hubv1.ReviewServiceClient, int64) {
		return func(t *testing.T, reviews hubv1.ReviewServiceClient, id int64) {
			choice.Id = id
			_, err := reviews.ResolveReview(t.Context(), choice)
			must(t, err)
		}
	}
	for name, c := range map[string]struct {
		close   func(*testing.T, hubv1.ReviewServiceClient, int64)
		through int
	}{
		"let through": {resolve(&hubv1.ResolveReviewRequest{Choice: &hubv1.ResolveReviewRequest_LetThrough{LetThrough: true}}), 4},
		"resume":      {resolve(&hubv1.ResolveReviewRequest{Choice: &hubv1.ResolveReviewRequest_Resume{Resume: true}}), 2},
		"dismiss": {func(t *testing.T, reviews hubv1.ReviewServiceClient, id int64) {
			_, err := reviews.DismissReview(t.Context(), &hubv1.DismissReviewRequest{Id: id})
			must(t, err)
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, reviews := guarded(t)
			for i := range 4 {
				w.Observe("shop", w.shop.Edit(hubtest.ID("s", i), hubtest.Named("Ada", string(hubtest.ID("a", i))+"@example.com")))
			}
			w.Work()
			w.Agree()
			for i := range 4 {
				w.Observe("shop", w.shop.Edit(hubtest.ID("s", i), func(c *canonicalv1.Customer) { c.Name = nil }))
			}
			tried := func() bool {
				var jobs int
				must(t, w.Store.Pool().QueryRow(t.Context(), `select count(*) from river_job where kind = 'deliver' and state <> 'completed'`).Scan(&jobs))
				return jobs == 0
			}
			w.Until("the brake is on", tried)
			r := only(t, reviews, hubv1.ReviewReason_REVIEW_REASON_BRAKED)
			if !slices.Equal(r.GetChoices(), []string{"let_through", "resume", "dismiss"}) || r.GetPath() != "name" || r.GetDetail() == "" {
				t.Errorf("the review is %v", r)
			}
			c.close(t, reviews, r.GetId())
			w.Until("deliveries went on", tried)
			through := 0
			for _, customer := range w.crm.Customers() {
				if customer.GetName() == nil || customer.GetName().GetFull() == "" {
					through++
				}
			}
			if through != c.through {
				t.Errorf("%d of 4 are through, want %d", through, c.through)
			}
			closed, err := w.Store.Review(t.Context(), r.GetId())
			must(t, err)
			if closed.ClosedBy != "loopback" || closed.Resolution == store.SettledItself {
				t.Errorf("the review is %+v", closed)
			}
		})
	}
}
