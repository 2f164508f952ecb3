package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/hubspot"
	crm "github.com/canonhub/canonhub/adapters/hubspot/sandbox"
	"github.com/canonhub/canonhub/adapters/zendesk"
	desk "github.com/canonhub/canonhub/adapters/zendesk/sandbox"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	"github.com/canonhub/canonhub/hub/connection"
	"github.com/canonhub/canonhub/hub/limits"
	"github.com/canonhub/canonhub/hub/store"
)

// alone is what the processes on one database share, where there is one.
type alone struct{ of int }

func (a alone) Share(context.Context, string, string, time.Duration) (store.Share, error) {
	return store.Share{Of: a.of, Since: time.Hour}, nil
}
func (alone) CountCalls(context.Context, string, int64) (int64, error)          { return 0, nil }
func (alone) Break(context.Context, string, time.Duration, time.Duration) error { return nil }
func (alone) Mend(context.Context, string) (bool, error)                        { return false, nil }

// near is a vendor that is called without a network, so that a test's clock knows when nothing is left to do.
type near struct {
	http.Handler
	throttled *atomic.Int64
}

func (n near) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	n.ServeHTTP(w, r)
	if w.Code == http.StatusTooManyRequests {
		n.throttled.Add(1)
	}
	return w.Result(), nil
}

// caller is a hub process that calls one vendor.
type caller struct {
	*adapters.Adapter
	t         *testing.T
	limits    *limits.Limits
	throttled atomic.Int64
}

func newCaller(t *testing.T, f adapters.Factory, vendor http.Handler, of int) *caller {
	c := &caller{t: t, limits: limits.New(limits.Options{Store: alone{of}, Process: "a", Log: slog.New(slog.DiscardHandler)})}
	client, hear := c.limits.Keep("vendor", connection.Spec{Factory: f}.Allowed(), &http.Client{Transport: near{vendor, &c.throttled}, Timeout: 20 * time.Second})
	a, err := f.Open(adapters.Settings{Connection: "vendor", BaseURL: "http://vendor.example", HTTP: client, Observe: hear, Now: time.Now,
		Credentials: map[string]adapters.Secret{"token": adapters.NewSecret("t"), "access_token": adapters.NewSecret("t")}})
	if err != nil {
		t.Fatal(err)
	}
	c.Adapter = a
	return c
}

// work does a piece of work when it is its time, as the queue does, and tells how long that took.
func (c *caller) work(ctx context.Context, do func(context.Context) error) time.Duration {
	for began := time.Now(); ; {
		wait, err := c.limits.Admit(ctx, store.Connection{Name: "vendor", Pace: 1})
		var refused *limits.Refused
		switch {
		case err != nil:
		case wait > 0:
			time.Sleep(wait)
			continue
		default:
			err = do(ctx)
		}
		switch {
		case errors.As(err, &refused):
			time.Sleep(refused.Wait)
		case err != nil:
			c.t.Error(err)
			return 0
		default:
			return time.Since(began)
		}
	}
}

// pull reads all pages.
func (c *caller) pull(q adapters.Query) (pages int) {
	for more := true; more && !c.t.Failed(); pages++ {
		c.work(limits.AsPull(c.t.Context(), string(q.Kind), 0.5), func(ctx context.Context) error {
			page, err := c.Puller.Pull(limits.AsPage(ctx), q)
			if err == nil {
				q.Cursor, more = page.Next, page.More
			}
			return err
		})
	}
	return pages
}

// push makes a customer every second until ctx ends, each of which is to be there at once.
func (c *caller) push(ctx context.Context) (pushes int) {
	for ; ctx.Err() == nil && !c.t.Failed(); pushes++ {
		name, email := fmt.Sprintf("Ada %d", pushes), fmt.Sprintf("ada%d@example.com", pushes)
		request, err := c.Pusher.Prepare(adapters.Patch{Kind: "customer", RecordID: fmt.Sprintf("customer_%026d", pushes), Key: email,
			Message: &canonicalv1.Customer{Email: &email, Name: &canonicalv1.PersonName{Full: &name}}, Paths: []string{"email", "name"}})
		if err != nil {
			c.t.Error(err)
			return pushes
		}
		took := c.work(c.t.Context(), func(ctx context.Context) error { _, err := c.Pusher.Push(ctx, request); return err })
		if took > time.Second {
			c.t.Errorf("push %d was held up for %v", pushes, took)
		}
		time.Sleep(time.Second)
	}
	return pushes
}

// Long pulls keep within what a vendor allows where it gives pages: it never has to throttle the connection, on which live
// work would wait, too.
func TestLongPullsHoldUpNoPushes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		open func(*testing.T) (adapters.Factory, http.Handler, adapters.Query)
		of   int
		// longest is how long it may take.
		longest time.Duration
	}{
		"exports of Zendesk":               {exports, 1, 4 * time.Minute},
		"exports of Zendesk, of 2 callers": {exports, 2, 8 * time.Minute},
		"searches of HubSpot":              {searches, 1, 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				factory, vendor, query := c.open(t)
				caller := newCaller(t, factory, vendor, c.of)
				live, stop := context.WithCancel(t.Context())
				var pushing sync.WaitGroup
				pushes := 0
				pushing.Go(func() { pushes = caller.push(live) })
				began := time.Now()
				pages := caller.pull(query)
				took := time.Since(began)
				stop()
				pushing.Wait()
				if pages < 30 || took > c.longest {
					t.Errorf("%d pages in %v; want 30 in %v", pages, took, c.longest)
				}
				if throttled := caller.throttled.Load(); throttled > 0 {
					t.Errorf("%d calls were too many", throttled)
				}
				if pushes < int(took.Seconds())/2 {
					t.Errorf("%d pushes in %v", pushes, took)
				}
			})
		})
	}
}

// exports is a Zendesk of 300 tickets, to be read by tens.
func exports(t *testing.T) (adapters.Factory, http.Handler, adapters.Query) {
	vendor := desk.New(desk.Options{Token: "t", ExportsPerMinute: 10, PerMinute: 200})
	t.Cleanup(vendor.Close)
	tickets := make([]map[string]any, 300)
	for i := range tickets {
		tickets[i] = map[string]any{"subject": fmt.Sprintf("Printer %d", i), "description": "It is on fire."}
	}
	if _, err := vendor.Import("tickets", tickets); err != nil {
		t.Fatal(err)
	}
	return zendesk.Factory(), vendor, adapters.Query{Kind: "ticket", Size: 10}
}

// searches is a HubSpot of 300 contacts that changed, to be read by tens.
func searches(t *testing.T) (adapters.Factory, http.Handler, adapters.Query) {
	vendor := crm.New(crm.Options{AccessToken: "t", SearchesPerSecond: 5, Burst: 190})
	t.Cleanup(vendor.Close)
	since := time.Now()
	for i := range 300 {
		if _, err := vendor.Create(map[string]string{"email": fmt.Sprintf("c%d@example.com", i)}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
	}
	factory := hubspot.Factory()
	factory.Limits.PerSecond = 19 // of a larger account
	return factory, vendor, adapters.Query{Kind: "customer", Size: 10, Since: since}
}
