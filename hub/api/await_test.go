package api_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/hubtest"
)

func TestACallerWaitsUntilTargetsAgree(t *testing.T) {
	t.Parallel()
	w := setup(t)
	made := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com")))
	id := string(made.RecordID)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	out, err := w.customers.AwaitCustomer(ctx, &hubv1.AwaitCustomerRequest{Id: id, Revision: int64(made.Revision)})
	if err != nil || out.GetAgreed() || len(out.GetTargets()) != 2 {
		t.Fatalf("nothing works, and it says %v %v", out, err)
	}
	w.Work()
	out, err = w.customers.AwaitCustomer(t.Context(), &hubv1.AwaitCustomerRequest{Id: id, Revision: int64(made.Revision)})
	if err != nil || !out.GetAgreed() || w.crm.Customers()[0].GetEmail() != "ada@example.com" {
		t.Errorf("%v %v, and the crm has %s", out, err, w.crm)
	}
	if a := w.get("/v1/customers/" + id + ":await?targets=crm"); a.code != 200 || a.body["agreed"] != true {
		t.Errorf("%d %s", a.code, a.text)
	}
	if a := w.get("/v1/customers/" + id + ":await?targets=nobody"); a.code != 404 {
		t.Errorf("%d %s", a.code, a.text)
	}
}

func TestATargetThatCannotAgreeIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.crm.BeforePush = func(adapters.Request) error {
		return &fault.Error{Category: fault.Permanent, Op: "push", Message: "no such plan"}
	}
	w.Work()
	id := string(w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID)
	out, err := w.customers.AwaitCustomer(t.Context(), &hubv1.AwaitCustomerRequest{Id: id, Targets: []string{"crm"}})
	if err != nil || out.GetAgreed() || !strings.Contains(out.GetTargets()[0].GetReason(), "no such plan") {
		t.Errorf("%v %v", out, err)
	}
}

func TestReadingWaitsForARevision(t *testing.T) {
	t.Parallel()
	w := setup(t)
	made := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com")))
	id := string(made.RecordID)
	read := make(chan error, 1)
	go func() {
		r, err := w.customers.GetCustomer(t.Context(), &hubv1.GetCustomerRequest{Id: id, MinRevision: 2})
		if err == nil && r.GetCustomer().GetPhone() != "+491" {
			err = errors.New("it answered before the revision was there")
		}
		read <- err
	}()
	w.Observe("shop", w.shop.Edit("s1", hubtest.Phone("+491")))
	must(t, <-read)
	a := w.get("/v1/customers/"+id+"?min_revision=9", "Grpc-Timeout", "2S")
	if a.code != http.StatusGatewayTimeout || a.reason() != "DEADLINE" || !strings.Contains(a.text, "revision 2") {
		t.Errorf("%d %s", a.code, a.text)
	}
}

func TestOneCallerHasSoManyCalls(t *testing.T) {
	t.Parallel()
	w, ctx := setupWriter(t)
	made, err := w.customers.CreateCustomer(ctx, &hubv1.CreateCustomerRequest{Customer: ada("ada@example.com")})
	must(t, err)
	waiting, cancel := context.WithCancel(ctx)
	ended := make(chan struct{}, 3)
	for range 3 {
		go func() {
			defer func() { ended <- struct{}{} }()
			for { // the call that is to be one too many may have come before
				if _, err := w.customers.GetCustomer(waiting, &hubv1.GetCustomerRequest{Id: made.GetRecord().GetId(), MinRevision: 99}); status.Code(err) != codes.ResourceExhausted {
					return
				}
			}
		}()
	}
	get := func(ctx context.Context) error {
		_, err := w.customers.GetCustomer(ctx, &hubv1.GetCustomerRequest{Id: made.GetRecord().GetId()})
		return err
	}
	w.Until("one call is too many", func() bool { return status.Code(get(ctx)) == codes.ResourceExhausted })
	if err := get(ctx); info(err).GetReason() != "TOO_MANY_CALLS" || detail[*errdetails.RetryInfo](err).GetRetryDelay().AsDuration() <= 0 {
		t.Errorf("%v", err)
	}
	if err := get(as(t, "r")); err != nil {
		t.Errorf("another caller: %v", err)
	}
	cancel()
	for range 3 {
		<-ended
	}
	w.Until("calls go through again", func() bool { return get(ctx) == nil })
}

func TestViewsTellWhatEachSourceSays(t *testing.T) {
	t.Parallel()
	w, ctx := setupWriter(t)
	w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))
	id := string(w.Observe("shop", w.shop.Edit("s1", hubtest.Phone("+491"))).RecordID)
	_, err := w.customers.UpdateCustomer(ctx, &hubv1.UpdateCustomerRequest{Id: id, Customer: ada("eve@example.com")})
	must(t, err)
	views, err := w.customers.ListCustomerViews(ctx, &hubv1.ListCustomerViewsRequest{Id: id})
	must(t, err)
	said := map[string]string{}
	for _, v := range views.GetViews() {
		for _, s := range v.GetSaid() {
			said[v.GetSource()+" "+s.GetPath()] = s.GetValue().GetStringValue()
			if s.GetTime() == nil {
				t.Errorf("%s has no time", s.GetPath())
			}
		}
		if v.GetRaw() != nil {
			t.Errorf("a caller who may not sees what %s's object is", v.GetSource())
		}
	}
	if said["shop email"] != "ada@example.com" || said["billing email"] != "eve@example.com" || said["shop phone"] != "+491" || said["billing phone"] != "" {
		t.Errorf("%v", said)
	}
	open := setup(t)
	id = string(open.Observe("shop", open.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID)
	a := open.get("/v1/customers/" + id + "/views")
	if a.code != 200 || !strings.Contains(a.text, `"raw":"czEg`) || !strings.Contains(a.text, `"primary":true`) || !strings.Contains(a.text, `"full":"Ada"`) {
		t.Errorf("%d %s", a.code, a.text)
	}
}
