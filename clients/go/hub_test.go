package canonhub_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.jetify.com/typeid/v2"
	"google.golang.org/protobuf/proto"

	canonhub "github.com/canonhub/canonhub/clients/go"
	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	storev1 "github.com/canonhub/canonhub/gen/canonhub/store/v1"
	"github.com/canonhub/canonhub/hub/api"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// realHub serves a real hub's doors on a database of its own.
func realHub(t *testing.T) (*canonhub.Client, *hubtest.Hub) {
	t.Helper()
	h := hubtest.New(t, hubtest.Options{Vendors: map[string]*hubtest.Vendor{"shop": hubtest.NewVendor()}, Policies: hubtest.Preferring("shop")})
	registry := prometheus.NewRegistry()
	doors, err := api.New(api.Options{Store: h.Store, Applier: h.Applier, Gate: h.Gate, Redriver: h.Redriver, Connections: []string{"shop"}, Log: slog.New(slog.DiscardHandler),
		Metrics: registry, Gatherer: registry, Webhooks: http.NotFoundHandler(), Ready: h.Store.Ping})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = doors.GRPC().Serve(listener) }()
	t.Cleanup(doors.Close)
	client, err := canonhub.Dial(listener.Addr().String(), canonhub.WithInsecure())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client, h
}

func put(t *testing.T, db *store.Store, kind model.Kind, external string) string {
	t.Helper()
	id, err := typeid.Generate(string(kind))
	if err == nil {
		err = db.InTx(t.Context(), func(tx *store.Tx) error {
			r := &store.Record{ID: store.RecordID(id.String()), Kind: kind, Revision: 1, Message: model.For(kind).New(),
				Provenance: &storev1.Provenance{}, Creator: "shop", PolicyVersion: 1}
			if err := tx.PutRecord(r); err != nil {
				return err
			}
			tx.PutLink(&store.Link{LinkKey: store.LinkKey{Connection: "shop", Kind: kind, ExternalID: external}, RecordID: r.ID,
				State: store.LinkLive, Primary: true})
			return nil
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return id.String()
}

// Every method of every kind, against a real hub.
func TestAllKinds(t *testing.T) {
	t.Parallel()
	client, h := realHub(t)
	allMethods(t, h, client.Customers(), model.Customer, (*hubv1.CustomerRecord).GetCustomer)
	allMethods(t, h, client.Orders(), model.Order, (*hubv1.OrderRecord).GetOrder)
	allMethods(t, h, client.Invoices(), model.Invoice, (*hubv1.InvoiceRecord).GetInvoice)
	allMethods(t, h, client.Tickets(), model.Ticket, (*hubv1.TicketRecord).GetTicket)
}

func allMethods[R canonhub.Record, M proto.Message](t *testing.T, h *hubtest.Hub, records *canonhub.Records[R, M], kind model.Kind, attributes func(R) M) {
	ctx := t.Context()
	a, b, c := put(t, h.Store, kind, "a"), put(t, h.Store, kind, "b"), put(t, h.Store, kind, "c")
	got, err := records.Get(ctx, a)
	if err != nil || got.GetId() != a || got.GetRevision() != 1 || got.GetEtag() == "" || got.GetUpdateTime() == nil || !attributes(got).ProtoReflect().IsValid() {
		t.Errorf("%s: Get: %v, %v", kind, got, err)
	}
	if got, err := records.Lookup(ctx, "shop", "b"); err != nil || got.GetId() != b {
		t.Errorf("%s: Lookup: %v, %v", kind, got, err)
	}
	if got, err := records.Explain(ctx, c); err != nil || got.GetId() != c {
		t.Errorf("%s: Explain: %v, %v", kind, got, err)
	}
	unknown := a[:len(a)-3] + "zzz"
	batch, missing, err := records.BatchGet(ctx, c, unknown, a)
	if err != nil || len(batch) != 2 || batch[0].GetId() != c || batch[1].GetId() != a || !slices.Equal(missing, []string{unknown}) {
		t.Errorf("%s: BatchGet: %v, %v, %v", kind, batch, missing, err)
	}
	if _, err := records.Get(ctx, unknown); !canonhub.IsNotFound(err) {
		t.Errorf("%s: Get of no record: %v", kind, err)
	}
	list := func(o canonhub.ListOptions) []string {
		var ids []string
		for record, err := range records.List(ctx, o) {
			if err != nil {
				t.Fatalf("%s: List: %v", kind, err)
			}
			ids = append(ids, record.GetId())
		}
		return ids
	}
	hour := time.Hour
	if got := list(canonhub.ListOptions{PageSize: 2, UpdatedFrom: time.Now().Add(-hour), UpdatedUntil: time.Now().Add(hour)}); !slices.Equal(got, []string{a, b, c}) {
		t.Errorf("%s: List: %v, want %v", kind, got, []string{a, b, c})
	}
	if got := list(canonhub.ListOptions{PageSize: 1, NewestFirst: true, Filter: `update_time > "2020-01-01T00:00:00Z"`}); !slices.Equal(got, []string{c, b, a}) {
		t.Errorf("%s: List, newest first: %v", kind, got)
	}
	if got := list(canonhub.ListOptions{UpdatedUntil: time.Now().Add(-hour)}); len(got) != 0 {
		t.Errorf("%s: List of long ago: %v", kind, got)
	}
}

func TestHubsErrorsComeThrough(t *testing.T) {
	t.Parallel()
	client, _ := realHub(t)
	ctx := canonhub.WithCorrelationID(context.Background(), "mine-1")
	_, err := client.Orders().Lookup(ctx, "shopp", "x")
	if canonhub.ReasonOf(err) != hubv1.ErrorReason_ERROR_REASON_CONNECTION_NOT_FOUND || canonhub.IsNotFound(err) {
		t.Errorf("%v", err)
	}
	_, err = client.Orders().Get(ctx, "order_")
	var e *canonhub.Error
	if e, _ = err.(*canonhub.Error); e == nil || len(e.Violations) != 1 || e.Violations[0].Field != "id" || e.CorrelationID != "mine-1" {
		t.Errorf("%#v", err)
	}
	for _, err := range client.Orders().List(ctx, canonhub.ListOptions{Filter: "x"}) {
		if canonhub.ReasonOf(err) != hubv1.ErrorReason_ERROR_REASON_INVALID_FILTER {
			t.Errorf("%v", err)
		}
	}
	for _, err := range client.Orders().List(ctx, canonhub.ListOptions{PageSize: 1001}) {
		if canonhub.ReasonOf(err) != hubv1.ErrorReason_ERROR_REASON_INVALID_REQUEST {
			t.Errorf("%v", err)
		}
	}
}
