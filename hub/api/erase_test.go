package api_test

import (
	"context"
	"crypto/sha256"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/api"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/model"
)

func TestEraseOverGRPCAndREST(t *testing.T) {
	t.Parallel()
	for name, erase := range map[string]func(*world, string) *hubv1.CustomerRecord{
		"gRPC": func(w *world, id string) *hubv1.CustomerRecord {
			r, err := w.customers.EraseCustomer(w.t.Context(), &hubv1.EraseCustomerRequest{Id: id, Why: "asked for on paper"})
			must(w.t, err)
			return r
		},
		"REST": func(w *world, id string) *hubv1.CustomerRecord {
			if a := w.post("/v1/customers/"+id+":erase", `{"why": "asked for on paper"}`); a.code != 200 || a.body["deleteTime"] == nil {
				w.t.Fatalf("%d %s", a.code, a.text)
			}
			r, err := w.customers.GetCustomer(w.t.Context(), &hubv1.GetCustomerRequest{Id: id})
			must(w.t, err)
			return r
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			id := string(w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID)
			before, err := w.customers.GetCustomer(t.Context(), &hubv1.GetCustomerRequest{Id: id})
			must(t, err)
			r := erase(w, id)
			if r.GetId() != id || r.GetDeleteTime() == nil || r.GetRevision() != before.GetRevision()+1 || r.GetEtag() == before.GetEtag() || proto.Size(r.GetCustomer()) > 0 {
				t.Errorf("what is left is %v", r)
			}
			w.Work()
			w.Erased()
			if found := hubtest.DumpOf(t, w.Store).Find("ada@example.com"); len(found) > 0 {
				t.Errorf("the address is in %v", found)
			}
			// It goes on answering, wherever it is asked for.
			if e, err := w.customers.ExplainCustomer(t.Context(), &hubv1.ExplainCustomerRequest{Id: id}); err != nil || e.GetId() != id {
				t.Errorf("explained: %v, %v", e, err)
			}
			if _, err := w.customers.LookupCustomer(t.Context(), &hubv1.LookupCustomerRequest{Connection: "shop", ExternalId: "s1"}); info(err).GetReason() != "LINK_NOT_FOUND" {
				t.Errorf("its object: %v", err)
			}
			if list := w.all(&hubv1.ListCustomersRequest{Filter: "NOT delete_time:*"}, func(int) {}); len(list) > 0 {
				t.Errorf("those that are not deleted are %v", list)
			}
			trail, err := w.Store.TrailOf(t.Context(), w.erasedUnder(id))
			must(t, err)
			if len(trail) == 0 || trail[0].Detail != "asked for on paper" || trail[0].Actor != "loopback" {
				t.Errorf("the audit has %+v", trail)
			}
			again, err := w.customers.EraseCustomer(t.Context(), &hubv1.EraseCustomerRequest{Id: id})
			if err != nil || again.GetRevision() != r.GetRevision() {
				t.Errorf("erased again: %v, %v", again, err)
			}
		})
	}
}

// erasedUnder is the correlation id of the call that erased a record.
func (w *world) erasedUnder(id string) (correlation string) {
	w.t.Helper()
	must(w.t, w.Store.Pool().QueryRow(w.t.Context(), `select correlation_id from audit where record_id = $1 and action = 'erased' order by id limit 1`, id).Scan(&correlation))
	return correlation
}

func TestEraseOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	w := setup(t)
	invoice := strings.Replace(string(w.put(model.Invoice, "shop", "in_1")), "invoice_", "customer_", 1)
	for _, id := range []string{"customer_00000000000000000000000000", invoice} {
		if _, err := w.customers.EraseCustomer(t.Context(), &hubv1.EraseCustomerRequest{Id: id}); info(err).GetReason() != "RECORD_NOT_FOUND" {
			t.Errorf("%s: %v", id, err)
		}
	}
	if a := w.post("/v1/customers/customer_00000000000000000000000000:erase", `{"reason": "x"}`); a.code != 400 {
		t.Errorf("an unknown field: %d %s", a.code, a.text)
	}
}

// To erase takes a caller that may operate the hub and read the kind.
func TestEraseIsForOperators(t *testing.T) {
	t.Parallel()
	w := &world{t: t, shop: hubtest.NewVendor(), crm: hubtest.NewVendor()}
	w.Hub = hubtest.New(t, hubtest.Options{Vendors: map[string]*hubtest.Vendor{"shop": w.shop, "crm": w.crm}, Policies: hubtest.Preferring("shop", "crm")})
	key := func(text string) [][32]byte { return [][32]byte{sha256.Sum256([]byte(text))} }
	w.open(api.Options{Store: w.Store, Applier: w.Applier, Callers: []api.Caller{
		{Name: "billing", KeySHA256: key("billing-key"), MayWrite: map[model.Kind]bool{model.Customer: true}},
		{Name: "blind", KeySHA256: key("blind-key"), MayOperate: true},
		{Name: "dpo", KeySHA256: key("dpo-key"), MayWrite: map[model.Kind]bool{model.Customer: false}, MayOperate: true},
	}})
	id := string(w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID)
	for _, c := range []struct {
		key  string
		code codes.Code
	}{{"billing-key", codes.PermissionDenied}, {"blind-key", codes.PermissionDenied}, {"dpo-key", codes.OK}} {
		ctx := metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+c.key)
		if _, err := w.customers.EraseCustomer(ctx, &hubv1.EraseCustomerRequest{Id: id}); status.Code(err) != c.code {
			t.Errorf("with %s: %v, want %s", c.key, err, c.code)
		}
	}
	var by string
	must(t, w.Store.Pool().QueryRow(t.Context(), `select erased_by from records where id = $1`, id).Scan(&by))
	if by != "dpo" {
		t.Errorf("it was erased by %q", by)
	}
}

// One of two sources asks that a person be forgotten: a review asks, and letting it through erases the record.
func TestARequestToBeForgottenIsLetThrough(t *testing.T) {
	t.Parallel()
	w := setup(t)
	said := w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))
	id := string(w.Observe("shop", said).RecordID)
	w.Observe("crm", w.crm.Edit("c1", hubtest.Named("Ada", "ada@example.com")))
	said.Gone, said.Erase, said.Message, said.At = true, true, nil, said.At.Add(1)
	w.Observe("shop", said)
	a := w.get("/v1/reviews")
	reviews, _ := a.body["reviews"].([]any)
	if len(reviews) != 1 || !strings.Contains(a.text, `"REVIEW_REASON_ERASE_REQUESTED"`) || !strings.Contains(a.text, `"let_through"`) {
		t.Fatalf("%d %s", a.code, a.text)
	}
	number := reviews[0].(map[string]any)["id"].(string)
	if a := w.post("/v1/reviews/"+number+":resolve", `{"resume": true}`); a.code != 400 {
		t.Errorf("another choice: %d %s", a.code, a.text)
	}
	if a := w.post("/v1/reviews/"+number+":resolve", `{"letThrough": true, "why": "she wrote"}`); a.code != 200 {
		t.Fatalf("%d %s", a.code, a.text)
	}
	if a := w.get("/v1/customers/" + id); a.body["deleteTime"] == nil || strings.Contains(a.text, "ada@") {
		t.Errorf("what is left is %s", a.text)
	}
	w.Work()
	w.Erased()
	if found := hubtest.DumpOf(t, w.Store).Find("ada@example.com"); len(found) > 0 {
		t.Errorf("the address is in %v", found)
	}
}
