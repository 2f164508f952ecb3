package api_test

import (
	"slices"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/model"
)

func TestGetAnswersWithTheRecord(t *testing.T) {
	t.Parallel()
	w := setup(t)
	made := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com")))

	got, err := w.customers.GetCustomer(t.Context(), &hubv1.GetCustomerRequest{Id: string(made.RecordID)})
	must(t, err)
	if got.GetId() != string(made.RecordID) || got.GetRevision() != 1 || got.GetCustomer().GetEmail() != "ada@example.com" ||
		got.GetCreateTime() == nil || got.GetUpdateTime() == nil || got.GetDeleteTime() != nil || got.GetPlaceholder() {
		t.Errorf("got %v", got)
	}

	a := w.get("/v1/customers/" + string(made.RecordID))
	customer, _ := a.body["customer"].(map[string]any)
	if a.code != 200 || a.body["id"] != string(made.RecordID) || a.body["revision"] != "1" || customer["email"] != "ada@example.com" ||
		a.body["updateTime"] == nil || a.body["etag"] != got.GetEtag() {
		t.Errorf("REST: %d %s", a.code, a.text)
	}
	if _, there := a.body["placeholder"]; there {
		t.Errorf("REST shows what is not set: %s", a.text)
	}
}

func TestEtagChangesWithTheRevision(t *testing.T) {
	t.Parallel()
	w := setup(t)
	made := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com")))
	get := func() string {
		r, err := w.customers.GetCustomer(t.Context(), &hubv1.GetCustomerRequest{Id: string(made.RecordID)})
		must(t, err)
		return r.GetEtag()
	}
	before := get()
	if again := get(); again != before || len(before) < 10 {
		t.Errorf("etags of one revision: %s, %s", before, again)
	}
	w.Observe("shop", w.shop.Edit("s1", hubtest.Phone("+4930123456")))
	if after := get(); after == before {
		t.Errorf("the etag is %s at two revisions", after)
	}
}

func TestGetFollowsMerge(t *testing.T) {
	t.Parallel()
	w := setup(t)
	lives, gone := w.put(model.Customer, "shop", "s1"), w.put(model.Customer, "crm", "c1")
	w.exec(`update records set merged_into = $2 where id = $1`, gone, lives)

	got, err := w.customers.GetCustomer(t.Context(), &hubv1.GetCustomerRequest{Id: string(gone)})
	must(t, err)
	if got.GetId() != string(lives) {
		t.Errorf("the merged id answers with %s, want %s", got.GetId(), lives)
	}
	page, err := w.customers.ListCustomers(t.Context(), &hubv1.ListCustomersRequest{})
	must(t, err)
	if len(page.GetCustomers()) != 1 {
		t.Errorf("the list has %d records, want the living one alone", len(page.GetCustomers()))
	}
}

func TestBatchGetKeepsOrderAndListsMissing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	a, b, c := w.put(model.Customer, "shop", "a"), w.put(model.Customer, "shop", "b"), w.put(model.Customer, "shop", "c")
	missing := newID(t, model.Customer)

	got, err := w.customers.BatchGetCustomers(t.Context(), &hubv1.BatchGetCustomersRequest{
		Ids: []string{string(c), string(missing), string(a), string(b), string(c)}})
	must(t, err)
	var ids []string
	for _, r := range got.GetCustomers() {
		ids = append(ids, r.GetId())
	}
	if want := []string{string(c), string(a), string(b), string(c)}; !slices.Equal(ids, want) {
		t.Errorf("got %v, want %v", ids, want)
	}
	if !slices.Equal(got.GetMissingIds(), []string{string(missing)}) {
		t.Errorf("missing: %v", got.GetMissingIds())
	}
	rest := w.get("/v1/customers:batchGet?ids=" + string(b) + "&ids=" + string(missing))
	if records, _ := rest.body["customers"].([]any); rest.code != 200 || len(records) != 1 {
		t.Errorf("REST: %d %s", rest.code, rest.text)
	}
}

func TestLookupFindsTheLinkedRecord(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := w.put(model.Customer, "shop", "cus/1 ü")
	got, err := w.customers.LookupCustomer(t.Context(), &hubv1.LookupCustomerRequest{Connection: "shop", ExternalId: "cus/1 ü"})
	must(t, err)
	if got.GetId() != string(id) {
		t.Errorf("found %s, want %s", got.GetId(), id)
	}
	for _, query := range []string{"connection=shop&external_id=cus%2F1+%C3%BC", "connection=shop&externalId=cus%2F1%20%C3%BC"} {
		if a := w.get("/v1/customers:lookup?" + query); a.body["id"] != string(id) {
			t.Errorf("REST %s: %d %s", query, a.code, a.text)
		}
	}
}

// Every kind has every method, at both doors, and answers with its own records alone.
func TestAllKindsAreServed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	type record interface {
		GetId() string
		GetEtag() string
	}
	ctx := t.Context()
	orders, invoices, tickets := hubv1.NewOrderServiceClient(w.conn), hubv1.NewInvoiceServiceClient(w.conn), hubv1.NewTicketServiceClient(w.conn)
	kinds := map[model.Kind]struct {
		get     func(id string) (record, error)
		explain func(id string) (*hubv1.Explanation, error)
	}{
		model.Customer: {
			func(id string) (record, error) {
				return w.customers.GetCustomer(ctx, &hubv1.GetCustomerRequest{Id: id})
			},
			func(id string) (*hubv1.Explanation, error) {
				return w.customers.ExplainCustomer(ctx, &hubv1.ExplainCustomerRequest{Id: id})
			},
		},
		model.Order: {
			func(id string) (record, error) { return orders.GetOrder(ctx, &hubv1.GetOrderRequest{Id: id}) },
			func(id string) (*hubv1.Explanation, error) {
				return orders.ExplainOrder(ctx, &hubv1.ExplainOrderRequest{Id: id})
			},
		},
		model.Invoice: {
			func(id string) (record, error) { return invoices.GetInvoice(ctx, &hubv1.GetInvoiceRequest{Id: id}) },
			func(id string) (*hubv1.Explanation, error) {
				return invoices.ExplainInvoice(ctx, &hubv1.ExplainInvoiceRequest{Id: id})
			},
		},
		model.Ticket: {
			func(id string) (record, error) { return tickets.GetTicket(ctx, &hubv1.GetTicketRequest{Id: id}) },
			func(id string) (*hubv1.Explanation, error) {
				return tickets.ExplainTicket(ctx, &hubv1.ExplainTicketRequest{Id: id})
			},
		},
	}
	for _, kind := range model.Kinds() {
		id := w.put(kind, "shop", "same-id-in-all-kinds")
		k, ok := kinds[kind]
		if !ok {
			t.Errorf("%s: no service", kind)
			continue
		}
		if got, err := k.get(string(id)); err != nil || got.GetId() != string(id) || got.GetEtag() == "" {
			t.Errorf("%s: Get: %v, %v", kind, got, err)
		}
		if got, err := k.explain(string(id)); err != nil || got.GetId() != string(id) {
			t.Errorf("%s: Explain: %v, %v", kind, got, err)
		}
		plural := "/v1/" + string(kind) + "s"
		for _, path := range []string{"/" + string(id), ":lookup?connection=shop&external_id=same-id-in-all-kinds", "/" + string(id) + ":explain"} {
			if a := w.get(plural + path); a.code != 200 || a.body["id"] != string(id) {
				t.Errorf("%s: REST %s: %d %s", kind, path, a.code, a.text)
			}
		}
		for _, path := range []string{"", ":batchGet?ids=" + string(id)} {
			if records, _ := w.get(plural + path).body[string(kind)+"s"].([]any); len(records) != 1 {
				t.Errorf("%s: REST %s has %d records, want its own one", kind, path, len(records))
			}
		}
	}
}

func TestRecordOfAnotherKindIsNotFound(t *testing.T) {
	t.Parallel()
	w := setup(t)
	order := w.put(model.Order, "shop", "o1")
	customer := newID(t, model.Customer)
	w.put(model.Customer, "shop", "c1")
	// No such row can come about by itself: ids carry their kind. Should one, it must not be served as what it is not.
	w.exec(`insert into records (id, kind, revision, message, provenance, policy_version, creator, placeholder)
		select $1, kind, revision, message, provenance, policy_version, creator, placeholder from records where id = $2`, customer, order)

	_, err := w.customers.GetCustomer(t.Context(), &hubv1.GetCustomerRequest{Id: string(customer)})
	if status.Code(err) != codes.NotFound || info(err).GetReason() != "RECORD_NOT_FOUND" {
		t.Errorf("Get: %v", err)
	}
	_, err = w.customers.ExplainCustomer(t.Context(), &hubv1.ExplainCustomerRequest{Id: string(customer)})
	if status.Code(err) != codes.NotFound {
		t.Errorf("Explain: %v", err)
	}
	got, err := w.customers.BatchGetCustomers(t.Context(), &hubv1.BatchGetCustomersRequest{Ids: []string{string(customer)}})
	if err != nil || len(got.GetMissingIds()) != 1 {
		t.Errorf("BatchGet: %v, %v", got, err)
	}
	if _, err := w.customers.LookupCustomer(t.Context(), &hubv1.LookupCustomerRequest{Connection: "shop", ExternalId: "o1"}); status.Code(err) != codes.NotFound {
		t.Errorf("Lookup of an order's id among customers: %v", err)
	}
}
