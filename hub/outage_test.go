package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// An hour's outage of one vendor, 360 times as fast: it is tried now and then, nothing is given up, and then it catches up
// within its limits. The other vendor does not notice.
func TestAVendorIsAwayForAnHour(t *testing.T) {
	t.Parallel()
	const hour, perSecond, changes = 10 * time.Second, 100, 100
	w := newTown(t)
	w.policy("limits: {requests_per_second: 2000, concurrency: 16, pages_per_minute: 100000}\npolicies", fmt.Sprintf("limits: {requests_per_second: %d, concurrency: 16, pages_per_minute: 100000}\npolicies", perSecond))
	crm := w.before(w.hubspotURL)
	w.backoff = time.Second / 360
	w.start()
	for i := range 20 {
		if err := w.callStripe("/v1/customers", url.Values{"name": {fmt.Sprintf("First %d", i)}, "email": {fmt.Sprintf("c%d@example.com", i)}}); err != nil {
			t.Fatal(err)
		}
	}
	w.settled()

	crm.turn(mishaps{away: true})
	over := time.NewTimer(hour)
	ids := make([]string, 0, 20)
	for _, c := range w.stripe.Customers() {
		ids = append(ids, fmt.Sprint(c["id"]))
	}
	for i := range changes {
		if err := w.callStripe("/v1/customers", url.Values{"name": {fmt.Sprintf("Away %d", i)}, "email": {fmt.Sprintf("a%d@example.com", i)}}); err != nil {
			t.Fatal(err)
		}
		if err := w.callStripe("/v1/customers/"+ids[i%len(ids)], url.Values{"name": {fmt.Sprintf("Changed %d", i)}}); err != nil {
			t.Fatal(err)
		}
	}
	w.until("it is known to be away", func() error {
		if _, c := w.rest(http.MethodGet, "/v1/connections/crm", ""); c["outage"] == nil {
			return fmt.Errorf("%v", c)
		}
		return nil
	})
	<-over.C
	calls, _ := crm.made()
	tried := len(calls)
	crm.turn(mishaps{})
	w.settled()
	caughtUp, _ := crm.made()

	// It begins with a try a second, and ends with one a minute; a few calls are under way when it goes away.
	if most := 60 + 10 + 2*16; tried > most || tried < 5 {
		t.Errorf("a vendor that was away for an hour was called %d times, want 5 to %d", tried, most)
	}
	if most := densest(caughtUp, time.Second); most > 2*perSecond {
		t.Errorf("%d calls within a second; %d are allowed, with a burst of as many", most, perSecond)
	}
	if first := densest(caughtUp[:min(len(caughtUp), perSecond)], time.Second/2); first > perSecond {
		t.Errorf("%d calls in half a second after the outage", first)
	}
	if n := len(w.hubspot.Contacts()); n != changes+20 {
		t.Errorf("HubSpot has %d contacts, want %d", n, changes+20)
	}
	for _, c := range w.stripe.Customers() {
		contact, _ := w.hubspot.ByEmail(fmt.Sprint(c["email"]))
		if got := contact.Properties["firstname"] + " " + contact.Properties["lastname"]; got != fmt.Sprint(c["name"]) {
			t.Errorf("HubSpot has %q, Stripe %q", got, c["name"])
		}
	}
	if most := 5 * (changes + 20); len(caughtUp) > most {
		t.Errorf("%d calls to catch up with %d contacts: %v", len(caughtUp), changes+20, byPath(w.hubspot.Counts()))
	}
	t.Logf("%d calls while it was away, then %d for %d customers; %d within the busiest second", tried, len(caughtUp), changes+20, densest(caughtUp, time.Second))
	w.attempts()
}

// A vendor that is away gives no tokens either: where the one in use ends meanwhile, work waits as it does for calls that
// fail, and whoever gives tokens is not asked for each piece of it.
func TestAVendorWhoseTokensEndIsAwayForAnHour(t *testing.T) {
	t.Parallel()
	const hour, customers = 10 * time.Second, 60
	w := newTown(t)
	desk, _, at := w.granted()
	vendor := w.before(at)
	w.backoff = time.Second / 360
	w.start()
	w.grant()
	made := func(from, to int) {
		for i := from; i < to; i++ {
			if err := w.callStripe("/v1/customers", url.Values{"name": {fmt.Sprintf("Kim %d", i)}, "email": {fmt.Sprintf("kim%d@example.com", i)}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	made(0, 5)
	w.settled()

	vendor.turn(mishaps{away: true})
	over := time.NewTimer(hour)
	made(5, customers)
	<-over.C
	calls, _ := vendor.made()
	vendor.turn(mishaps{})
	w.settled()
	if most := 60 + 10 + 2*16; len(calls) > most || len(calls) < 5 {
		t.Errorf("a vendor that was away for an hour was called %d times, want 5 to %d", len(calls), most)
	}
	if n := len(desk.Objects("users")); n != customers {
		t.Errorf("the desk has %d users, want %d", n, customers)
	}
	w.attempts()
}

// attempts checks that no delivery was tried more often than a few times: waiting is no try.
func (w *town) attempts() {
	w.t.Helper()
	db, err := pgx.Connect(context.Background(), w.database)
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close(context.Background())
	var most int
	if err := db.QueryRow(context.Background(), `select max(attempt) from river_job where kind = 'deliver'`).Scan(&most); err != nil || most > 10 {
		w.t.Errorf("a job was tried %d times, %v", most, err)
	}
}

// byPath sums counts of calls under their paths without ids.
func byPath(counts map[string]int) map[string]int {
	sums := map[string]int{}
	for call, n := range counts {
		sums[digits.ReplaceAllString(call, "ID")] += n
	}
	return sums
}

var digits = regexp.MustCompile(`[0-9]{5,}`)
