package api_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/api"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/model"
)

// setupWriter opens a hub with a caller, billing, whose word counts after the shop's, alone for companies, and held for phones.
func setupWriter(t *testing.T, more ...func(*configv1.KindPolicy)) (w *world, billing context.Context) {
	t.Helper()
	policies := hubtest.Preferring("shop", "billing", "crm")
	customers := policies["customer"]
	delete(customers.Targets, "billing")
	customers.Delete = &configv1.Delete{By: []string{"billing"}, Effect: "tombstone"}
	customers.Attributes["phone"] = &configv1.Rule{Hold: []string{"shop", "billing"}}
	customers.Attributes["company"] = &configv1.Rule{Authority: "billing"}
	for _, change := range more {
		change(customers)
	}
	w = &world{t: t, shop: hubtest.NewVendor(), crm: hubtest.NewVendor()}
	w.Hub = hubtest.New(t, hubtest.Options{Vendors: map[string]*hubtest.Vendor{"shop": w.shop, "crm": w.crm}, Policies: policies})
	everything := map[model.Kind]bool{model.Customer: true, model.Order: true, model.Invoice: true, model.Ticket: true}
	w.open(api.Options{Store: w.Store, Applier: w.Applier, Callers: []api.Caller{
		{Name: "billing", KeySHA256: [][32]byte{sha256.Sum256([]byte("b"))}, MayWrite: everything, MayOperate: true, Concurrency: 3},
		{Name: "reader", KeySHA256: [][32]byte{sha256.Sum256([]byte("r"))}, MayWrite: map[model.Kind]bool{model.Customer: false}},
	}})
	return w, as(t, "b")
}

// as is the context of a caller with a key.
func as(t *testing.T, key string) context.Context {
	return metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+key)
}

func ada(email string) *canonicalv1.Customer {
	return &canonicalv1.Customer{Name: &canonicalv1.PersonName{Full: proto.String("Ada")}, Email: proto.String(email)}
}

func TestACallerCreatesUpdatesAndDeletes(t *testing.T) {
	t.Parallel()
	w, ctx := setupWriter(t)
	made, err := w.customers.CreateCustomer(ctx, &hubv1.CreateCustomerRequest{Customer: ada("ada@example.com")})
	must(t, err)
	id := made.GetRecord().GetId()
	if made.GetRevision() != 1 || made.GetRecord().GetCustomer().GetEmail() != "ada@example.com" || len(made.GetOutcomes()) != 2 {
		t.Fatalf("%v", made)
	}
	w.Work()
	w.Agree()
	if w.crm.Customers()[0].GetEmail() != "ada@example.com" {
		t.Errorf("the crm has %v", w.crm.Customers())
	}
	updated, err := w.customers.UpdateCustomer(ctx, &hubv1.UpdateCustomerRequest{Id: id, Customer: &canonicalv1.Customer{Company: proto.String("Engines Ltd")}, Etag: made.GetRecord().GetEtag()})
	must(t, err)
	if updated.GetRevision() != 2 || updated.GetRecord().GetCustomer().GetCompany() != "Engines Ltd" || updated.GetRecord().GetCustomer().GetEmail() != "ada@example.com" {
		t.Errorf("%v", updated)
	}
	// In the mask and without a value: said to be empty.
	a := w.call(http.MethodPatch, "/v1/customers/"+id, `{"updateMask": "company"}`, "Authorization", "Bearer b")
	if customer := a.body["record"].(map[string]any)["customer"].(map[string]any); a.code != 200 || customer["company"] != nil || customer["email"] != "ada@example.com" {
		t.Errorf("%d %s", a.code, a.text)
	}
	a = w.send(http.MethodDelete, "/v1/customers/"+id, "Authorization", "Bearer b")
	if a.code != 200 || a.body["record"].(map[string]any)["deleteTime"] == nil {
		t.Errorf("%d %s", a.code, a.text)
	}
}

func TestAWriteTellsWhatBecameOfEachAttribute(t *testing.T) {
	t.Parallel()
	w, ctx := setupWriter(t)
	w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))
	id := string(w.Observe("shop", w.shop.Edit("s1", hubtest.Phone("+491"))).RecordID)
	in := &hubv1.UpdateCustomerRequest{Id: id, Customer: &canonicalv1.Customer{Email: proto.String("eve@example.com"), Phone: proto.String("+492"), Company: proto.String("Engines Ltd")}}
	for _, dry := range []bool{true, false} {
		in.ValidateOnly = dry
		out, err := w.customers.UpdateCustomer(ctx, in)
		must(t, err)
		got := map[string]string{}
		for _, o := range out.GetOutcomes() {
			got[o.GetPath()] = o.GetResult().String() + " " + o.GetReason() + " " + o.GetWinner()
		}
		want := map[string]string{"email": "WRITE_RESULT_REFUSED lower_preference shop", "phone": "WRITE_RESULT_HELD disagreed rule", "company": "WRITE_RESULT_ACCEPTED  billing"}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("validate_only %t: %v, want %v", dry, got, want)
		}
		if has := out.GetRecord().GetCustomer().GetCompany(); (has == "Engines Ltd") == dry {
			t.Errorf("validate_only %t: the record has tax_id %q", dry, has)
		}
	}
}

func TestAStrictWriteWritesAllOrNothing(t *testing.T) {
	t.Parallel()
	w, ctx := setupWriter(t)
	id := string(w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID)
	_, err := w.customers.UpdateCustomer(ctx, &hubv1.UpdateCustomerRequest{Id: id, Strict: true,
		Customer: &canonicalv1.Customer{Email: proto.String("eve@example.com"), Company: proto.String("Engines Ltd")}})
	found := detail[*errdetails.PreconditionFailure](err).GetViolations()
	if status.Code(err) != codes.FailedPrecondition || info(err).GetReason() != "WRITE_REFUSED" || len(found) != 1 || found[0].GetSubject() != "email" || found[0].GetType() != "REFUSED" {
		t.Errorf("%v %v", err, found)
	}
	a := w.call(http.MethodPatch, "/v1/customers/"+id, `{"customer": {"email": "eve@example.com", "company": "Engines Ltd"}, "strict": true}`, "Authorization", "Bearer b")
	if a.code != 400 || a.reason() != "WRITE_REFUSED" || !strings.Contains(a.text, `"subject":"email"`) {
		t.Errorf("%d %s", a.code, a.text)
	}
	r, err := w.customers.GetCustomer(ctx, &hubv1.GetCustomerRequest{Id: id})
	must(t, err)
	if r.GetRevision() != 1 || r.GetCustomer().Company != nil {
		t.Errorf("the record is %v", r)
	}
}

func TestAWriteOfWhatChangedSinceIsAborted(t *testing.T) {
	t.Parallel()
	w, ctx := setupWriter(t)
	w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))
	id := string(w.Observe("shop", w.shop.Edit("s1", hubtest.Phone("+491"))).RecordID)
	read, err := w.customers.GetCustomer(ctx, &hubv1.GetCustomerRequest{Id: id})
	must(t, err)
	w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada L.", "ada@example.com")))
	if _, err := w.customers.UpdateCustomer(ctx, &hubv1.UpdateCustomerRequest{Id: id, Etag: read.GetEtag(), Customer: &canonicalv1.Customer{Company: proto.String("Engines Ltd")}}); err != nil {
		t.Errorf("an edit of the name fails a write of the company: %v", err)
	}
	_, err = w.customers.UpdateCustomer(ctx, &hubv1.UpdateCustomerRequest{Id: id, Etag: read.GetEtag(), Customer: &canonicalv1.Customer{Name: &canonicalv1.PersonName{Full: proto.String("A.")}}})
	found := detail[*errdetails.PreconditionFailure](err).GetViolations()
	if status.Code(err) != codes.Aborted || info(err).GetReason() != "ETAG_MISMATCH" || len(found) == 0 || !strings.HasPrefix(found[0].GetSubject(), "name") {
		t.Fatalf("%v %v", err, found)
	}
	now := info(err).GetMetadata()["etag"]
	if _, err = w.customers.UpdateCustomer(ctx, &hubv1.UpdateCustomerRequest{Id: id, Etag: read.GetEtag(), PathEtags: map[string]string{"name": now}, Customer: &canonicalv1.Customer{Name: &canonicalv1.PersonName{Full: proto.String("A.")}}}); err != nil {
		t.Errorf("with the etag that was told: %v", err)
	}
	a := w.send(http.MethodDelete, "/v1/customers/"+id+"?etag="+strings.Trim(read.GetEtag(), `"`), "Authorization", "Bearer b")
	if a.code != 409 || a.reason() != "ETAG_MISMATCH" {
		t.Errorf("%d %s", a.code, a.text)
	}
}

func TestARequestCountsOnce(t *testing.T) {
	t.Parallel()
	w, ctx := setupWriter(t)
	in := &hubv1.CreateCustomerRequest{Customer: ada("ada@example.com"), RequestId: "one"}
	first, err := w.customers.CreateCustomer(ctx, in)
	must(t, err)
	again, err := w.customers.CreateCustomer(ctx, in)
	must(t, err)
	if !proto.Equal(first, again) {
		t.Errorf("the second answer is %v, the first %v", again, first)
	}
	in.Customer.Phone = proto.String("+491")
	if _, err := w.customers.CreateCustomer(ctx, in); status.Code(err) != codes.InvalidArgument || info(err).GetReason() != "REQUEST_ID_REUSED" {
		t.Errorf("another request under the same id: %v", err)
	}
	in.RequestId = "two"
	if _, err := w.customers.CreateCustomer(ctx, in); status.Code(err) != codes.AlreadyExists || info(err).GetMetadata()["id"] != first.GetRecord().GetId() {
		t.Errorf("the same party under another id: %v", err)
	}
}

func TestEachWriteOfABatchIsJudgedByItself(t *testing.T) {
	t.Parallel()
	w, ctx := setupWriter(t)
	var in hubv1.BatchUpdateCustomersRequest
	for i := range 20 {
		made, err := w.customers.CreateCustomer(ctx, &hubv1.CreateCustomerRequest{Customer: ada(fmt.Sprintf("ada%d@example.com", i))})
		must(t, err)
		in.Requests = append(in.Requests, &hubv1.UpdateCustomerRequest{Id: made.GetRecord().GetId(), Customer: &canonicalv1.Customer{Company: proto.String("Engines Ltd")}})
	}
	in.Requests[3].UpdateMask = &fieldmaskpb.FieldMask{Paths: []string{"emial"}}
	in.Requests[4].Id = string(newID(t, model.Customer))
	in.Requests[5].Customer.Email = proto.String(strings.Repeat("x", 10_000))
	out, err := w.customers.BatchUpdateCustomers(ctx, &in)
	must(t, err)
	wrong := map[int]codes.Code{3: codes.InvalidArgument, 4: codes.NotFound, 5: codes.InvalidArgument}
	for i, one := range out.GetResults() {
		if got := codes.Code(one.GetError().GetCode()); got != wrong[i] || (got == codes.OK) != (one.GetWritten().GetRecord().GetCustomer().GetCompany() == "Engines Ltd") {
			t.Errorf("%d: %v", i, one)
		}
	}
	in.Requests[1].Id = in.GetRequests()[0].GetId()
	if _, err := w.customers.BatchUpdateCustomers(ctx, &in); status.Code(err) != codes.InvalidArgument {
		t.Errorf("one record twice: %v", err)
	}
	a := w.post("/v1/customers:batchUpdate", fmt.Sprintf(`{"requests": [{"id": %q, "customer": {"company": "Looms Ltd"}}, {"id": "x"}]}`, in.GetRequests()[2].GetId()), "Authorization", "Bearer b")
	if a.code != 200 || !strings.Contains(a.text, `"company":"Looms Ltd"`) || !strings.Contains(a.text, `"reason":"INVALID_REQUEST"`) {
		t.Errorf("%d %s", a.code, a.text)
	}
}

func TestWhatAWriteBreaksIsToldByField(t *testing.T) {
	t.Parallel()
	w, ctx := setupWriter(t)
	_, err := w.customers.CreateCustomer(ctx, &hubv1.CreateCustomerRequest{Customer: &canonicalv1.Customer{Email: proto.String("no address"), CurrencyCode: proto.String("euro")}})
	over := detail[*errdetails.BadRequest](err).GetFieldViolations()
	if status.Code(err) != codes.InvalidArgument || len(over) != 2 || over[0].GetField() != "customer.email" || over[1].GetField() != "customer.currency_code" {
		t.Errorf("%v %v", err, over)
	}
	a := w.post("/v1/customers", `{"customer": {"email": "no address", "currencyCode": "euro"}}`, "Authorization", "Bearer b")
	for _, field := range []string{"customer.email", "customer.currency_code"} {
		if a.code != 400 || !strings.Contains(a.text, fmt.Sprintf(`"field":%q`, field)) {
			t.Errorf("%d %s", a.code, a.text)
		}
	}
	for body, want := range map[string]string{
		`{"customer": {"emial": "x"}}`: "INVALID_REQUEST",
		`{}`:                           "INVALID_REQUEST",
		`{"customer": {}}{}`:           "INVALID_REQUEST",
	} {
		if a := w.post("/v1/customers", body, "Authorization", "Bearer b"); a.code != 400 || a.reason() != want {
			t.Errorf("%s: %d %s", body, a.code, a.text)
		}
	}
}

func TestWhoMayWrite(t *testing.T) {
	t.Parallel()
	w, billing := setupWriter(t, func(p *configv1.KindPolicy) {
		p.Write = map[string]*configv1.Writable{"billing": {Attributes: []string{"name", "email", "company"}}}
	})
	made, err := w.customers.CreateCustomer(billing, &hubv1.CreateCustomerRequest{Customer: ada("ada@example.com")})
	must(t, err)
	update := &hubv1.UpdateCustomerRequest{Id: made.GetRecord().GetId(), Customer: &canonicalv1.Customer{Phone: proto.String("+491")}}
	if _, err := w.customers.UpdateCustomer(billing, update); info(err).GetReason() != "WRITE_REFUSED" || !strings.Contains(err.Error(), "phone") {
		t.Errorf("a path that is not the caller's: %v", err)
	}
	if _, err := w.customers.UpdateCustomer(as(t, "r"), update); status.Code(err) != codes.PermissionDenied {
		t.Errorf("a reader writes: %v", err)
	}
	if _, err := w.customers.MergeCustomers(as(t, "r"), &hubv1.MergeCustomersRequest{Ids: []string{made.GetRecord().GetId(), string(newID(t, model.Customer))}}); status.Code(err) != codes.PermissionDenied {
		t.Errorf("a reader merges: %v", err)
	}
	open := setup(t)
	if _, err := open.customers.UpdateCustomer(t.Context(), update); status.Code(err) != codes.FailedPrecondition || info(err).GetReason() != "NO_CALLER" {
		t.Errorf("without callers: %v", err)
	}
}
