package main

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"sync/atomic"
	"testing"
	"time"
)

// The hub is killed at random moments under a load of webhooks. Afterwards every acknowledged webhook is applied, every
// target agrees, and no vendor object exists twice.
func TestKillNine(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.start()

	stop := make(chan struct{})
	loaded := make(chan error, 1)
	var customers atomic.Int64
	go func() { loaded <- w.load(stop, &customers) }()
	for range *kills {
		waitFor(time.Duration(200+rand.IntN(900)) * time.Millisecond)
		w.kill()
		w.start()
	}
	close(stop)
	if err := <-loaded; err != nil {
		t.Fatal(err)
	}
	w.settled()

	names := map[string]string{}
	for _, c := range w.stripe.Customers() {
		names[fmt.Sprint(c["email"])] = fmt.Sprint(c["name"])
	}
	if len(names) != int(customers.Load()) || len(names) < *kills {
		t.Fatalf("Stripe has %d customers, want %d", len(names), customers.Load())
	}
	seen := map[string]int{}
	for _, c := range w.hubspot.Contacts() {
		email := c.Properties["email"]
		seen[email]++
		if got := c.Properties["firstname"] + " " + c.Properties["lastname"]; got != names[email] {
			t.Errorf("HubSpot has %q for %s, Stripe %q", got, email, names[email])
		}
	}
	for email := range names {
		if seen[email] != 1 {
			t.Errorf("HubSpot has %d contacts with %s, want 1", seen[email], email)
		}
	}
	t.Logf("%d customers survived %d kills", len(names), *kills)
}

// load makes customers and changes until it is stopped, as fast as one user can.
func (w *town) load(stop <-chan struct{}, customers *atomic.Int64) error {
	tick := time.NewTicker(15 * time.Millisecond)
	defer tick.Stop()
	var ids []string
	for i := 0; ; i++ {
		select {
		case <-stop:
			return nil
		case <-tick.C:
		}
		if i%3 == 0 {
			n := customers.Add(1)
			form := url.Values{"name": {fmt.Sprintf("First %d", n)}, "email": {fmt.Sprintf("c%d@example.com", n)}}
			if err := w.callStripe("/v1/customers", form); err != nil {
				return err
			}
			ids = ids[:0]
			for _, c := range w.stripe.Customers() {
				ids = append(ids, fmt.Sprint(c["id"]))
			}
			continue
		}
		id := ids[rand.IntN(len(ids))]
		if err := w.callStripe("/v1/customers/"+id, url.Values{"name": {fmt.Sprintf("Change %d", i)}}); err != nil {
			return err
		}
	}
}

// waitFor lets time pass: the moment of the kill is the test's input.
func waitFor(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	<-timer.C
}
