package canonhub_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"

	canonhub "github.com/canonhub/canonhub/clients/go"
	"github.com/canonhub/canonhub/hub/api"
	"github.com/canonhub/canonhub/hub/hubtest"
)

// open serves a hub's doors at an address.
func open(t *testing.T, h *hubtest.Hub, address string) (*api.Server, string) {
	t.Helper()
	registry := prometheus.NewRegistry()
	doors, err := api.New(api.Options{Store: h.Store, Applier: h.Applier, Gate: h.Gate, Redriver: h.Redriver, Connections: []string{"shop"}, Log: slog.New(slog.DiscardHandler),
		Metrics: registry, Gatherer: registry, Webhooks: http.NotFoundHandler(), Ready: h.Store.Ping})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = doors.GRPC().Serve(listener) }()
	t.Cleanup(doors.Close)
	return doors, listener.Addr().String()
}

// The hub ends, is away for a while and comes back, twice: the loop goes on, and nothing is missing.
func TestWatchOutlivesTheHub(t *testing.T) {
	t.Parallel()
	shop := hubtest.NewVendor()
	h := hubtest.New(t, hubtest.Options{Vendors: map[string]*hubtest.Vendor{"shop": shop}, Policies: hubtest.Preferring("shop")})
	edit := func(n int) { h.Observe("shop", shop.Edit("s1", hubtest.Phone(fmt.Sprintf("+493011111%d", n)))) }
	edit(1)
	doors, address := open(t, h, "127.0.0.1:0")
	client, err := canonhub.Dial(address, canonhub.WithInsecure())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	retried := 0
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
	defer cancel()
	var seen []int64
	for m, err := range client.Watch(ctx, canonhub.WatchOptions{Snapshot: true, Heartbeat: time.Second, Retrying: func(err error, pause time.Duration) {
		var e *canonhub.Error
		if retried++; !errors.As(err, &e) || e.Code != codes.Unavailable || pause <= 0 {
			t.Errorf("the feed is opened again for %v after %v", err, pause)
		}
		if len(seen)%2 == 0 { // it is away now
			doors, _ = open(t, h, address)
			seen = append(seen, 0)
			edit(len(seen))
		}
	}}) {
		if err != nil {
			t.Fatalf("after %v: %v", seen, err)
		}
		switch {
		case m.GetSnapshot() != nil:
			seen = append(seen, m.GetSnapshot().GetRevision())
		case m.GetSnapshotEnd() != nil:
			edit(9)
		case m.GetChange() != nil:
			seen = append(seen, m.GetChange().GetRevision())
			if len(seen)%2 == 0 {
				doors.Close()
			}
		}
		if len(seen) == 6 {
			break
		}
	}
	if fmt.Sprint(seen) != "[1 2 0 3 0 4]" || retried < 2 {
		t.Errorf("seen are %v, with %d times of trying again", seen, retried)
	}
}

func TestWatchEndsWhereTryingAgainCannotHelp(t *testing.T) {
	t.Parallel()
	client, _ := realHub(t)
	for _, err := range client.Watch(t.Context(), canonhub.WatchOptions{Paths: []string{"emial"}}) {
		var e *canonhub.Error
		if !errors.As(err, &e) || e.Code != codes.InvalidArgument || len(e.Violations) != 1 || e.CorrelationID == "" {
			t.Errorf("a path that is none: %#v", err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for m, err := range client.Watch(ctx, canonhub.WatchOptions{}) {
		if m.GetToken() != "" {
			cancel()
		}
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("a loop whose context ended ends with %v", last)
	}
}

func TestWatchWaitsAsLongAsTheHubAsks(t *testing.T) {
	t.Parallel()
	server := startHub(func(ctx context.Context, call int) error {
		if call > 1 {
			return nil
		}
		return hubError(ctx, codes.ResourceExhausted, "too many", &errdetails.RetryInfo{RetryDelay: durationpb.New(300 * time.Millisecond)})
	})
	defer server.Close()
	client, err := canonhub.Dial(server.Addr, canonhub.WithInsecure())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	began := time.Now()
	for _, err := range client.Watch(t.Context(), canonhub.WatchOptions{}) {
		if err != nil {
			t.Error(err)
		}
		break
	}
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Errorf("the feed was opened again after %v", took)
	}
}

func TestHistoryAgainstAHub(t *testing.T) {
	t.Parallel()
	client, h, shop := writer(t)
	var id string
	for n := range 3 {
		id = string(h.Observe("shop", shop.Edit("s1", hubtest.Phone(fmt.Sprintf("+493011111%d", n)))).RecordID)
	}
	customers := client.Customers()
	count := int64(3)
	for r, err := range customers.Revisions(t.Context(), id) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Revision != count || r.Source != "shop" || r.Record.GetRevision() != count || r.Paths[0] != "phone" || r.Erased || r.MergedInto != "" {
			t.Errorf("revision %d is %+v", count, r)
		}
		as, err := customers.GetRevision(t.Context(), id, count)
		at, errAt := customers.GetAt(t.Context(), id, r.Time)
		if err != nil || errAt != nil || as.GetCustomer().GetPhone() != r.Record.GetCustomer().GetPhone() || at.GetRevision() != count {
			t.Errorf("revision %d: %v %v, %v %v", count, as, err, at, errAt)
		}
		count--
	}
	if count != 0 {
		t.Errorf("%d revisions were not listed", count)
	}
}
