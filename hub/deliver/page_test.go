package deliver_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	"github.com/canonhub/canonhub/hub/connection"
	"github.com/canonhub/canonhub/hub/deliver"
	"github.com/canonhub/canonhub/hub/gate"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

var ctx = context.Background()

// page is a shop whose word is law, and a crm that has all its customers; the shop's page goes blank.
type page struct {
	*world
	t    *testing.T
	ids  []store.RecordID
	mu   sync.Mutex
	now  time.Time
	told *bytes.Buffer
	// metrics are what the hub counts.
	metrics *prometheus.Registry
}

func (p *page) clock() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

func (p *page) wait(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = p.now.Add(d)
}

// newPage makes so many customers, each with a name, an e-mail address and a phone number at both. Its queue stands still.
func newPage(t *testing.T, customers int, brake connection.Brake) *page {
	t.Helper()
	policies := hubtest.Preferring("shop", "crm")
	policies["customer"].Attributes["*"] = &configv1.Rule{Authority: "shop"}
	w := &world{shop: hubtest.NewVendor(), crm: hubtest.NewVendor()}
	w.Hub = hubtest.New(t, hubtest.Options{Vendors: map[string]*hubtest.Vendor{"shop": w.shop, "crm": w.crm}, Policies: policies,
		Brakes: map[string]connection.Brake{"crm": brake}})
	p := &page{world: w, t: t, now: time.Date(2026, 5, 1, 12, 10, 0, 0, time.UTC), told: &bytes.Buffer{}}
	w.Applier.Now, w.Deliverer.Log = p.clock, slog.New(slog.NewTextHandler(p.told, nil))
	p.metrics = prometheus.NewRegistry()
	var err error
	w.Deliverer.Metrics, err = deliver.NewMetrics(p.metrics)
	must(t, err)
	w.Gate.Metrics, err = gate.NewMetrics(p.metrics)
	must(t, err)
	for i := range customers {
		p.ids = append(p.ids, w.Observe("shop", w.shop.Edit(hubtest.ID("s", i), full(i))).RecordID)
	}
	p.deliver(0, customers)
	if got := len(w.crm.Customers()); got != customers {
		t.Fatalf("the crm has %d customers, want %d", got, customers)
	}
	return p
}

func full(i int) func(*canonicalv1.Customer) {
	return func(c *canonicalv1.Customer) {
		hubtest.Named(fmt.Sprintf("N%d", i), fmt.Sprintf("n%d@example.com", i))(c)
		hubtest.Phone(fmt.Sprintf("+4930%06d", i))(c)
	}
}

func blank(c *canonicalv1.Customer) { c.Phone = nil }

func (p *page) each(from, to int, change func(*canonicalv1.Customer)) {
	p.t.Helper()
	for i := from; i < to; i++ {
		p.Observe("shop", p.shop.Edit(hubtest.ID("s", i), change))
	}
}

// deliver runs the deliveries of some customers, one after the other.
func (p *page) deliver(from, to int) {
	p.t.Helper()
	for _, id := range p.ids[from:to] {
		if err := p.Deliver(id, "crm", false); err != nil {
			p.t.Fatal(err)
		}
	}
}

// count is how many customers the crm has without a phone number.
func (p *page) blanks() int {
	n := 0
	for _, c := range p.crm.Customers() {
		if c.GetPhone() == "" {
			n++
		}
	}
	return n
}

func (p *page) stopped() int {
	p.t.Helper()
	var n int
	err := p.Store.Pool().QueryRow(ctx, `select count(*) from deliveries where connection = 'crm' and state = 'blocked' and braked`).Scan(&n)
	if err != nil {
		p.t.Fatal(err)
	}
	return n
}

func (p *page) jobs() int {
	p.t.Helper()
	var n int
	err := p.Store.Pool().QueryRow(ctx, `select count(*) from river_job where kind = 'deliver' and state in ('available', 'running', 'retryable', 'scheduled')`).Scan(&n)
	if err != nil {
		p.t.Fatal(err)
	}
	return n
}

// reviews are the open ones of brakes, by attribute.
func (p *page) reviews() map[model.Path]*store.Review {
	p.t.Helper()
	rows, err := p.Store.Pool().Query(ctx, `select id from reviews where reason = 'braked' and closed_at is null order by id`)
	if err != nil {
		p.t.Fatal(err)
	}
	var ids []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			p.t.Fatal(err)
		}
		ids = append(ids, id)
	}
	open := map[model.Path]*store.Review{}
	for _, id := range ids {
		r, err := p.Store.Review(ctx, id)
		if err != nil {
			p.t.Fatal(err)
		}
		open[r.Path] = r
	}
	return open
}

func (p *page) release(path model.Path, choice gate.Choice, resolution store.Resolution) {
	p.t.Helper()
	if err := p.Gate.Release(ctx, p.reviews()[path], choice, store.Closing{Resolution: resolution, By: "jo", Why: "seen"}); err != nil {
		p.t.Fatal(err)
	}
}

// counted adds up a metric.
func counted(t *testing.T, metrics *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := metrics.Gather()
	must(t, err)
	sum := 0.0
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
