package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	shopify "github.com/canonhub/canonhub/adapters/shopify/sandbox"
	zendesk "github.com/canonhub/canonhub/adapters/zendesk/sandbox"
)

// soak is how long TestSoak has things go wrong.
var soak = flag.Duration("soak", 15*time.Second, "how long TestSoak has things go wrong at all vendors")

const (
	// pace is the time between two edits.
	pace = 30 * time.Millisecond
	// spells take turns, in which all is calm or one vendor is away, each so long: what else the machine does meets both.
	spells, spell = 3, time.Second

	zendeskToken, zendeskSecret = "token-1", "zendesk-secret-1"
	shopifyToken, shopifySecret = "shpat_1", "shop-secret-1"
)

// bath is a town with three vendors and all that can go wrong between them and the hub.
type bath struct {
	*town
	desk    *zendesk.Server
	shop    *shopify.Server
	vendors map[string]*outside
	posts   []*post
	track   track
	n       int
}

func newBath(t *testing.T) *bath {
	t.Helper()
	b := &bath{town: newTown(t), track: track{edits: map[string]edit{}, waiting: map[string][]edit{}}, vendors: map[string]*outside{}}
	b.desk = zendesk.New(zendesk.Options{Token: zendeskToken, Secret: zendeskSecret, AccountID: 1})
	b.shop = shopify.New(shopify.Options{AccessToken: shopifyToken, ClientSecret: shopifySecret})
	server, shop := httptest.NewServer(b.desk), httptest.NewServer(b.shop)
	t.Cleanup(func() {
		b.desk.Close()
		b.shop.Close()
		for _, s := range []*httptest.Server{server, shop} {
			s.CloseClientConnections()
			s.Close()
		}
	})
	b.policy("policies:", fmt.Sprintf(`  desk:
    adapter: zendesk
    base_url: %s
    brake: {share: 1}
    credentials: {token: "${ZENDESK_TOKEN}"}
    webhook: {secrets: ["${ZENDESK_SECRET}"]}
    limits: {requests_per_second: 2000, concurrency: 16}
  shop:
    adapter: shopify
    base_url: %s
    brake: {share: 1}
    credentials: {access_token: "${SHOPIFY_TOKEN}"}
    webhook: {secrets: ["${SHOPIFY_SECRET}"]}
    limits: {requests_per_second: 2000, concurrency: 16}
policies:`, server.URL, shop.URL))
	b.policy("      crm:    {create: true, attributes: [\"*\"]}", "      crm:    {create: true, attributes: [\"*\"]}\n      desk:   {create: true, attributes: [name, email]}\n      shop:   {create: true, attributes: [name, email]}")
	b.policy(`attributes: {"*": {prefer: [stripe, crm]}}`, `attributes: {"*": {prefer: [stripe, crm, desk, shop]}, phone: {prefer: [crm, stripe]}}`)
	t.Setenv("ZENDESK_TOKEN", zendeskToken)
	t.Setenv("ZENDESK_SECRET", zendeskSecret)
	t.Setenv("SHOPIFY_TOKEN", shopifyToken)
	t.Setenv("SHOPIFY_SECRET", shopifySecret)
	for name, at := range map[string]string{"stripe": b.stripeURL, "crm": b.hubspotURL, "desk": server.URL, "shop": shop.URL} {
		b.vendors[name] = b.before(at)
	}
	b.vendors["desk"].watch = b.track.arrived
	for name, set := range map[string]func(string){"stripe": b.stripe.SetWebhookURL, "desk": b.desk.SetWebhookURL, "shop": b.shop.SetWebhookURL, "crm": func(at string) {
		b.hubspot.SetWebhookURL(at)
		b.hubspot.SetPublicURL("http://" + b.httpAddr + "/webhooks/crm")
	}} {
		p, at := newPost(t, "http://"+b.httpAddr+"/webhooks/"+name)
		b.posts = append(b.posts, p)
		set(at)
	}
	return b
}

// track follows edits of names from Stripe to Zendesk. An edit has arrived once a name from then or later has.
type track struct {
	mu      sync.Mutex
	edits   map[string]edit   // by the name
	waiting map[string][]edit // by the customer's address, in order
	took    []time.Duration
}

type edit struct {
	customer string
	n        int
	at       time.Time
}

func (k *track) made(customer, name string, n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	e := edit{customer, n, time.Now()}
	k.edits[name] = e
	k.waiting[customer] = append(k.waiting[customer], e)
}

var names = regexp.MustCompile(`Edit [0-9]+`)

// arrived reads what is sent to Zendesk.
func (k *track) arrived(body []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now, seen := time.Now(), k.edits[names.FindString(string(body))]
	left := k.waiting[seen.customer]
	for len(left) > 0 && left[0].n <= seen.n {
		k.took, left = append(k.took, now.Sub(left[0].at)), left[1:]
	}
	k.waiting[seen.customer] = left
	if len(left) == 0 {
		delete(k.waiting, seen.customer)
	}
}

// take returns how long edits took since the last call, once all have arrived.
func (b *bath) take() []time.Duration {
	b.t.Helper()
	b.until("every edit is at Zendesk", func() error {
		b.track.mu.Lock()
		defer b.track.mu.Unlock()
		if n := len(b.track.waiting); n > 0 {
			return fmt.Errorf("those of %d customers are not", n)
		}
		return nil
	})
	b.track.mu.Lock()
	defer b.track.mu.Unlock()
	took := b.track.took
	b.track.took = nil
	return took
}

// slowest is the 99th percentile.
func slowest(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[(len(all)*99+99)/100-1]
}

// work edits for a while as people do: new customers, other names at Stripe, other telephone numbers at HubSpot.
func (b *bath) work(span time.Duration) (edits int) {
	b.t.Helper()
	tick := time.NewTicker(pace)
	defer tick.Stop()
	var all []map[string]any
	for end := time.Now().Add(span); time.Now().Before(end); edits++ {
		<-tick.C
		b.n++
		name := fmt.Sprintf("Edit %d", b.n)
		switch {
		case edits%4 == 0:
			email := fmt.Sprintf("c%d@example.com", b.n)
			b.track.made(email, name, b.n)
			b.must(b.callStripe("/v1/customers", url.Values{"name": {name}, "email": {email}}))
			all = b.stripe.Customers()
		case edits%4 == 3:
			contacts := b.hubspot.Contacts()
			if len(contacts) > 0 {
				c := contacts[rand.IntN(len(contacts))]
				b.must(b.hubspot.Edit(c.ID, map[string]string{"phone": fmt.Sprintf("+44207946%04d", b.n%10000)}))
			}
		default:
			c := all[rand.IntN(len(all))]
			b.track.made(fmt.Sprint(c["email"]), name, b.n)
			b.must(b.callStripe("/v1/customers/"+fmt.Sprint(c["id"]), url.Values{"name": {name}}))
		}
	}
	return edits
}

func (b *bath) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// turn has other things go wrong at all vendors but those that are named otherwise.
func (b *bath) turn(all mishaps, others map[string]mishaps) {
	for name, v := range b.vendors {
		m, other := others[name]
		if !other {
			m = all
		}
		v.turn(m)
	}
}

// All that can go wrong at vendors does, at all of them at once; afterwards all systems agree, and no vendor was called
// much more often than it had to be. While one vendor is away, the others are served as when all is well.
func TestSoak(t *testing.T) {
	b := newBath(t)
	b.start()
	b.work(time.Second) // so that what follows finds everything warm
	b.settled()

	b.take()

	needed := b.compare()

	b.turn(mishaps{failures: 0.10, lost: 0.05}, nil)
	for _, p := range b.posts {
		p.mess(true)
	}
	b.vendors["crm"].expire(time.Second)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go b.bursts(stop, stopped)
	edits := b.work(*soak)
	close(stop)
	<-stopped
	b.settled()
	b.take()
	for name, v := range b.vendors {
		calls, injected := v.made()
		most := 1.3 * (needed[name]*float64(edits) + float64(injected))
		t.Logf("%s: %d calls for %d edits, %d of them went wrong; %.0f were needed when all was calm", name, len(calls), edits, injected, needed[name]*float64(edits))
		if float64(len(calls)) > most {
			t.Errorf("%s was called %d times, want at most %.0f", name, len(calls), most)
		}
	}
	b.agree()
}

// compare checks that Zendesk is served as fast while HubSpot is away as when all is calm, and returns how many calls an
// edit needs at each vendor. What the machine does besides may spoil a comparison, but not three.
func (b *bath) compare() map[string]float64 {
	b.t.Helper()
	for tries := 1; ; tries++ {
		var calm, troubled []time.Duration
		edits, calls := 0, map[string]int{}
		for range spells {
			b.turn(mishaps{}, nil)
			edits += b.work(spell)
			calm = append(calm, b.take()...)
			b.settled()
			for name, v := range b.vendors {
				made, _ := v.made()
				calls[name] += len(made)
			}
			b.turn(mishaps{}, map[string]mishaps{"crm": {away: true}})
			b.work(spell)
			troubled = append(troubled, b.take()...)
			b.turn(mishaps{}, nil)
			b.settled()
		}
		of, n, m := slowest(calm), len(calm), len(troubled)
		bad := slowest(troubled)
		b.t.Logf("99 %% of %d edits were at Zendesk within %v; with HubSpot away, of %d, within %v", n, of, m, bad)
		// A tenth of a second is what the machine alone may take.
		if fits := bad <= 2*of+100*time.Millisecond; fits || tries == 3 {
			if !fits {
				b.t.Errorf("HubSpot's trouble delays deliveries to Zendesk: %v, and %v when all is calm", bad, of)
			}
			needed := map[string]float64{}
			for name, n := range calls {
				needed[name] = float64(n) / float64(edits)
			}
			return needed
		}
	}
}

// bursts has vendors throttle in turn.
func (b *bath) bursts(stop, stopped chan struct{}) {
	defer close(stopped)
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		case <-tick.C:
			b.vendors[[]string{"stripe", "crm", "desk", "shop"}[i%4]].burst(300 * time.Millisecond)
		}
	}
}

// agree checks that each customer is at all vendors once, and the same.
func (b *bath) agree() {
	b.t.Helper()
	contacts, users, buyers := map[string][]string{}, map[string][]string{}, map[string][]string{}
	phones := map[string]string{}
	for _, c := range b.hubspot.Contacts() {
		email := c.Properties["email"]
		contacts[email] = append(contacts[email], c.Properties["firstname"]+" "+c.Properties["lastname"])
		phones[email] = c.Properties["phone"]
	}
	for _, u := range b.desk.Objects("users") {
		email := fmt.Sprint(u.Fields["email"])
		if !strings.HasPrefix(email, "agent@") {
			users[email] = append(users[email], fmt.Sprint(u.Fields["name"]))
		}
	}
	for _, c := range b.shop.Customers() {
		buyers[c.Email] = append(buyers[c.Email], strings.TrimSpace(c.FirstName+" "+c.LastName))
	}
	all := b.stripe.Customers()
	for _, c := range all {
		email, want := fmt.Sprint(c["email"]), []string{fmt.Sprint(c["name"])}
		if !slices.Equal(contacts[email], want) || !slices.Equal(users[email], want) || !slices.Equal(buyers[email], want) {
			b.t.Errorf("%s is %q at Stripe, %q at HubSpot, %q at Zendesk, %q at Shopify", email, want, contacts[email], users[email], buyers[email])
		}
		if phone, _ := c["phone"].(string); phone != phones[email] {
			b.t.Errorf("%s has the number %q at Stripe, %q at HubSpot", email, phone, phones[email])
		}
	}
	if len(contacts) != len(all) || len(users) != len(all) || len(buyers) != len(all) || len(all) < 20 {
		b.t.Errorf("%d customers, %d contacts, %d users, %d buyers", len(all), len(contacts), len(users), len(buyers))
	}
}
