package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
)

// doorsTown is a hub's process with one caller, billing, whose word counts after Stripe's and before the CRM's where a
// rule does not say.
func doorsTown(t *testing.T) (*town, hubv1.CustomerServiceClient, context.Context) {
	t.Helper()
	w := newTownWith(t, fmt.Sprintf("callers:\n  billing: {api_key_sha256: \"%x\", operate: true, kinds: {customer: write}}\n", sha256.Sum256([]byte("key"))))
	w.policy("create: [stripe, crm]", "create: [stripe, crm, billing]")
	w.policy("prefer: [stripe, crm]", "prefer: [stripe, billing, crm]")
	w.start()
	conn, err := grpc.NewClient(w.grpcAddr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return w, hubv1.NewCustomerServiceClient(conn), metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer key")
}

// rest calls the REST door and decodes its answer.
func (w *town) rest(method, path, body string) (int, map[string]any) {
	w.t.Helper()
	r, err := http.NewRequest(method, "http://"+w.httpAddr+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer key")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	decoded := map[string]any{}
	if err != nil || json.Unmarshal(text, &decoded) != nil {
		w.t.Fatalf("%s %s: %s %q (%v)", method, path, answer.Status, text, err)
	}
	return answer.StatusCode, decoded
}

func create(t *testing.T, ctx context.Context, customers hubv1.CustomerServiceClient, email string) string {
	t.Helper()
	made, err := customers.CreateCustomer(ctx, &hubv1.CreateCustomerRequest{Customer: &canonicalv1.Customer{
		Name: &canonicalv1.PersonName{Full: proto.String("Ada Lovelace")}, Email: proto.String(email)}})
	if err != nil {
		t.Fatal(err)
	}
	return made.GetRecord().GetId()
}

// Merging and its undoing, through both doors of the running program, as the vendors see it.
func TestMergeAndUnmergeThroughTheDoors(t *testing.T) {
	t.Parallel()
	w, customers, ctx := doorsTown(t)
	older, younger := create(t, ctx, customers, "ada@example.com"), create(t, ctx, customers, "lovelace@example.com")
	if code, out := w.rest("GET", "/v1/customers/"+younger+":await", ""); code != 200 || out["agreed"] != true {
		t.Fatalf("%d %v", code, out)
	}
	merged, err := customers.MergeCustomers(ctx, &hubv1.MergeCustomersRequest{Ids: []string{younger, older}, Why: "one person"})
	if err != nil || merged.GetId() != older {
		t.Fatalf("%v %v", merged, err)
	}
	if code, out := w.rest("GET", "/v1/customers/"+younger, ""); code != 200 || out["id"] != older {
		t.Errorf("%d %v, want the record that lives", code, out)
	}
	if code, out := w.rest("POST", "/v1/customers/"+younger+":unmerge", `{"why": "two people"}`); code != 200 || out["id"] != younger {
		t.Errorf("%d %v", code, out)
	}
	for id, email := range map[string]string{older: "ada@example.com", younger: "lovelace@example.com"} {
		if r, err := customers.GetCustomer(ctx, &hubv1.GetCustomerRequest{Id: id}); err != nil || r.GetId() != id || r.GetCustomer().GetEmail() != email {
			t.Errorf("%v %v, want %s", r, err, email)
		}
	}
	w.settled()
	for _, email := range []string{"ada@example.com", "lovelace@example.com"} {
		if _, there := w.hubspot.ByEmail(email); !there {
			t.Errorf("the CRM has no %s any more", email)
		}
	}
}

func TestStrictWritesAndViolationsThroughTheDoors(t *testing.T) {
	t.Parallel()
	w, customers, ctx := doorsTown(t)
	if err := w.callStripe("/v1/customers", map[string][]string{"name": {"Ada Lovelace"}, "email": {"ada@example.com"}}); err != nil {
		t.Fatal(err)
	}
	var id string
	w.until("the customer is known", func() error {
		page, err := customers.ListCustomers(ctx, &hubv1.ListCustomersRequest{Filter: `email = "ada@example.com"`})
		if err != nil || len(page.GetCustomers()) != 1 {
			return fmt.Errorf("%v %w", page, err)
		}
		id = page.GetCustomers()[0].GetId()
		return nil
	})
	eve := &canonicalv1.Customer{Email: proto.String("eve@example.com"), Company: proto.String("Engines Ltd")}
	_, err := customers.UpdateCustomer(ctx, &hubv1.UpdateCustomerRequest{Id: id, Customer: eve, Strict: true})
	if status.Code(err) != codes.FailedPrecondition {
		t.Errorf("a strict write over gRPC: %v", err)
	}
	if code, out := w.rest("PATCH", "/v1/customers/"+id, `{"customer": {"email": "eve@example.com", "company": "Engines Ltd"}, "strict": true}`); code != 400 || !strings.Contains(fmt.Sprint(out), "subject:email") {
		t.Errorf("a strict write over REST: %d %v", code, out)
	}
	if r, err := customers.GetCustomer(ctx, &hubv1.GetCustomerRequest{Id: id}); err != nil || r.GetCustomer().Company != nil {
		t.Errorf("%v %v: a strict write wrote", r, err)
	}
	written, err := customers.UpdateCustomer(ctx, &hubv1.UpdateCustomerRequest{Id: id, Customer: eve})
	if err != nil || written.GetRecord().GetCustomer().GetEmail() != "ada@example.com" || written.GetRecord().GetCustomer().GetCompany() != "Engines Ltd" {
		t.Errorf("%v %v", written, err)
	}
	_, err = customers.UpdateCustomer(ctx, &hubv1.UpdateCustomerRequest{Id: id, Customer: &canonicalv1.Customer{Email: proto.String("nowhere")}})
	var fields []string
	for _, detail := range status.Convert(err).Details() {
		if bad, ok := detail.(*errdetails.BadRequest); ok {
			for _, v := range bad.GetFieldViolations() {
				fields = append(fields, v.GetField())
			}
		}
	}
	if status.Code(err) != codes.InvalidArgument || fmt.Sprint(fields) != "[customer.email]" {
		t.Errorf("%v %v", err, fields)
	}
	if code, out := w.rest("PATCH", "/v1/customers/"+id, `{"customer": {"email": "nowhere"}}`); code != 400 || !strings.Contains(fmt.Sprint(out), "field:customer.email") {
		t.Errorf("%d %v", code, out)
	}
}

// Pages are the same through both doors, and records that are made meanwhile disturb nobody.
func TestPagesThroughTheDoors(t *testing.T) {
	t.Parallel()
	w, customers, ctx := doorsTown(t)
	want := map[string]bool{}
	for i := range 7 {
		want[create(t, ctx, customers, fmt.Sprintf("ada%d@example.com", i))] = true
	}
	seen := map[string]int{}
	token := ""
	for i := 0; ; i++ {
		page, err := customers.ListCustomers(ctx, &hubv1.ListCustomersRequest{PageSize: 2, OrderBy: "create_time", PageToken: token})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.GetCustomers() {
			seen[r.GetId()]++
		}
		if token = page.GetNextPageToken(); token == "" {
			break
		}
		create(t, ctx, customers, fmt.Sprintf("late%d@example.com", i))
		code, out := w.rest("GET", "/v1/customers?page_size=2&order_by=create_time&page_token="+token, "")
		list, _ := out["customers"].([]any)
		if code != 200 || len(list) == 0 || len(list) > 2 {
			t.Fatalf("the page over REST: %d %v", code, out)
		}
		if i > 20 {
			break // as many are made as are read
		}
	}
	for id := range want {
		if seen[id] != 1 {
			t.Errorf("%s was listed %d times", id, seen[id])
		}
	}
	if code, out := w.rest("GET", "/v1/customers?page_token=x", ""); code != 400 || !strings.Contains(fmt.Sprint(out), "INVALID_PAGE_TOKEN") {
		t.Errorf("%d %v", code, out)
	}
}
