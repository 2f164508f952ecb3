package canonhub_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	canonhub "github.com/canonhub/canonhub/clients/go"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/api"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/model"
)

// writer is a client whose word counts after the shop's, of a hub that works.
func writer(t *testing.T) (*canonhub.Client, *hubtest.Hub, *hubtest.Vendor) {
	t.Helper()
	shop := hubtest.NewVendor()
	policies := hubtest.Preferring("shop", "billing")
	delete(policies["customer"].Targets, "billing")
	h := hubtest.New(t, hubtest.Options{Vendors: map[string]*hubtest.Vendor{"shop": shop}, Policies: policies})
	registry := prometheus.NewRegistry()
	doors, err := api.New(api.Options{Store: h.Store, Applier: h.Applier, Gate: h.Gate, Redriver: h.Redriver, Connections: []string{"shop"}, Log: slog.New(slog.DiscardHandler),
		Metrics: registry, Gatherer: registry, Webhooks: http.NotFoundHandler(), Ready: h.Store.Ping,
		Callers: []api.Caller{{Name: "billing", KeySHA256: [][32]byte{sha256.Sum256([]byte("key"))}, MayOperate: true, MayWrite: map[model.Kind]bool{model.Customer: true}}}})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = doors.GRPC().Serve(listener) }()
	t.Cleanup(doors.Close)
	client, err := canonhub.Dial(listener.Addr().String(), canonhub.WithInsecure(), canonhub.WithAPIKey("key"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client, h, shop
}

func TestWritesAgainstAHub(t *testing.T) {
	t.Parallel()
	hub, h, shop := writer(t)
	h.Work()
	ctx, customers := t.Context(), hub.Customers()
	made, err := customers.Create(ctx, &canonicalv1.Customer{Email: proto.String("ada@example.com"), Phone: proto.String("+491")}, canonhub.WriteOptions{})
	if err != nil || !made.Accepted() || made.Revision != 1 {
		t.Fatalf("%v %v", made, err)
	}
	id := made.Record.GetId()
	if agreed, err := customers.Await(ctx, id, made.Revision); err != nil || !agreed.GetAgreed() || shop.Customers()[0].GetEmail() != "ada@example.com" {
		t.Errorf("%v %v", agreed, err)
	}
	explanation, err := customers.Explain(ctx, id)
	if err != nil || len(explanation.GetTargets()) != 1 {
		t.Fatalf("%v %v", explanation, err)
	}
	h.Observe("shop", shop.Edit(adapters.ExternalID(explanation.GetTargets()[0].GetExternalId()), hubtest.Phone("+492")))
	update := canonhub.Update[*canonicalv1.Customer]{ID: id, Attributes: &canonicalv1.Customer{Phone: proto.String("+493")}, WriteOptions: canonhub.WriteOptions{Strict: true}}
	var refused *canonhub.Error
	if _, err := customers.Update(ctx, update); !errors.As(err, &refused) || refused.Code != codes.FailedPrecondition || len(refused.Refused) != 1 || refused.Refused[0].Field != "phone" {
		t.Errorf("a strict write: %v", err)
	}
	update.Strict = false
	if kept, err := customers.Update(ctx, update); err != nil || kept.Accepted() || kept.Record.GetCustomer().GetPhone() != "+492" {
		t.Errorf("%v %v", kept, err)
	}
	cleared, err := customers.Update(ctx, canonhub.Update[*canonicalv1.Customer]{ID: id, Mask: []string{"email"}})
	if err != nil || cleared.Record.GetCustomer().Email != nil {
		t.Errorf("%v %v", cleared, err)
	}
	if gone, err := customers.Delete(ctx, id, ""); canonhub.ReasonOf(err) != hubv1.ErrorReason_ERROR_REASON_WRITE_REFUSED {
		t.Errorf("%v %v, and the policy lets nobody delete", gone, err)
	}
	if since, err := customers.GetSince(ctx, id, made.Revision); err != nil || since.GetRevision() < made.Revision {
		t.Errorf("%v %v", since, err)
	}
	if views, err := customers.Views(ctx, id); err != nil || len(views) != 2 {
		t.Errorf("%v %v", views, err)
	}
}

func TestBatchesAgainstAHub(t *testing.T) {
	t.Parallel()
	hub, _, _ := writer(t)
	ctx, customers := t.Context(), hub.Customers()
	var updates []canonhub.Update[*canonicalv1.Customer]
	for i := range 5 {
		made, err := customers.Create(ctx, &canonicalv1.Customer{Email: proto.String(fmt.Sprintf("c%d@example.com", i))}, canonhub.WriteOptions{})
		if err != nil {
			t.Fatal(err)
		}
		updates = append(updates, canonhub.Update[*canonicalv1.Customer]{ID: made.Record.GetId(), Attributes: &canonicalv1.Customer{Phone: proto.String("+491")}})
	}
	updates[2].Mask = []string{"emial"}
	results, err := customers.BatchUpdate(ctx, updates...)
	if err != nil || len(results) != 5 {
		t.Fatalf("%v %v", results, err)
	}
	for i, one := range results {
		if (one.Err != nil) != (i == 2) || one.Err == nil && one.Record.GetCustomer().GetPhone() != "+491" {
			t.Errorf("%d: %v %v", i, one.Written, one.Err)
		}
	}
	if canonhub.ReasonOf(results[2].Err) != hubv1.ErrorReason_ERROR_REASON_INVALID_REQUEST {
		t.Errorf("%v", results[2].Err)
	}
}

func TestIdentityAgainstAHub(t *testing.T) {
	t.Parallel()
	hub, _, _ := writer(t)
	ctx, customers := t.Context(), hub.Customers()
	var ids []string
	for i := range 2 {
		made, err := customers.Create(ctx, &canonicalv1.Customer{Email: proto.String(fmt.Sprintf("c%d@example.com", i))}, canonhub.WriteOptions{})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, made.Record.GetId())
	}
	if merged, err := customers.Merge(ctx, ids[1], ids[0], "one person"); err != nil || merged.GetId() != ids[0] {
		t.Errorf("%v %v", merged, err)
	}
	if parted, err := customers.Unmerge(ctx, ids[1], "two people"); err != nil || parted.GetId() != ids[1] {
		t.Errorf("%v %v", parted, err)
	}
	if linked, err := customers.Link(ctx, ids[1], "shop", "s9", canonhub.LinkOptions{Primary: true}); err != nil || linked.GetId() != ids[1] {
		t.Errorf("%v %v", linked, err)
	}
	if unlinked, err := customers.Unlink(ctx, ids[1], "shop", "s9", "another's"); err != nil || unlinked.GetId() != ids[1] {
		t.Errorf("%v %v", unlinked, err)
	}
	if page, err := hub.Reviews().ListReviews(ctx, &hubv1.ListReviewsRequest{}); err != nil || len(page.GetReviews()) != 0 {
		t.Errorf("%v %v", page, err)
	}
}

// A write whose answer is lost is made again under the same request id.
func TestWritesAreMadeAgain(t *testing.T) {
	t.Parallel()
	client, fake := setup(t, func(ctx context.Context, call int) error {
		if call < 3 {
			return unavailable(ctx)
		}
		return nil
	})
	if _, err := client.Customers().Create(t.Context(), &canonicalv1.Customer{}, canonhub.WriteOptions{}); err != nil {
		t.Error(err)
	}
	if ids := fake.RequestIDs(); len(ids) != 3 || ids[0] == "" || ids[0] != ids[2] {
		t.Errorf("request ids: %q", ids)
	}
}
