package main

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
)

// Two systems that have been in use for years are connected, and nobody sends a webhook: both are read, those who are at
// both are one record, and each is made where it is missing, once, though the hub is killed on the way.
func TestSystemsThatAreFullAreConnectedByPulls(t *testing.T) {
	t.Parallel()
	const only, both = 150, 100 // customers of Stripe alone and of HubSpot alone; of both
	w := newTown(t)
	pull := "    pull: {customer: {page_size: 20, every: 2s}}\n    credentials: "
	w.policy("    credentials: {api_key", pull+"{api_key")
	w.policy("    credentials: {access_token", pull+"{access_token")
	w.policy("create: false", "create: true")
	w.stripe.Hold()
	w.hubspot.Hold()
	var contacts []map[string]string
	for i := range only + both {
		if err := w.callStripe("/v1/customers", url.Values{"name": {fmt.Sprintf("S %d", i)}, "email": {email("s", i, both)}}); err != nil {
			t.Fatal(err)
		}
		contacts = append(contacts, map[string]string{"firstname": "H", "lastname": fmt.Sprint(i), "email": email("h", i, both)})
	}
	for len(contacts) > 0 {
		n := min(100, len(contacts))
		if _, err := w.hubspot.Import(contacts[:n]); err != nil {
			t.Fatal(err)
		}
		contacts = contacts[n:]
	}

	w.start()
	for at := range 3 {
		w.until("some of it is read", func() error {
			if got := w.read(); got < 80*(at+1) {
				return fmt.Errorf("%d objects are read", got)
			}
			return nil
		})
		w.kill()
		w.start()
	}
	w.until("both are read", func() error {
		for _, connection := range []string{"stripe", "crm"} {
			if _, p := w.rest(http.MethodGet, "/v1/connections/"+connection+"/pulls/customer", ""); p["backfillTime"] == nil {
				return fmt.Errorf("%v", p)
			}
		}
		return nil
	})
	w.settled()

	there := map[string]int{}
	for _, c := range w.stripe.Customers() {
		there["stripe "+fmt.Sprint(c["email"])]++
	}
	for _, c := range w.hubspot.Contacts() {
		there["hubspot "+c.Properties["email"]]++
	}
	if want := 2 * (2*only + both); len(there) != want {
		t.Errorf("there are %d customers at both together, want %d", len(there), want)
	}
	for who, n := range there {
		if n != 1 {
			t.Errorf("%s is there %d times", who, n)
		}
	}
}

func email(system string, i, both int) string {
	if i < both {
		system = "both"
	}
	return fmt.Sprintf("%s%d@example.com", system, i)
}

// read is how many objects the pulls of both connections have read.
func (w *town) read() (objects int) {
	for _, connection := range []string{"stripe", "crm"} {
		_, p := w.rest(http.MethodGet, "/v1/connections/"+connection+"/pulls/customer", "")
		if run, ok := p["run"].(map[string]any); ok {
			n := 0
			_, _ = fmt.Sscan(fmt.Sprint(run["objects"]), &n) // absent: none
			objects += n
		}
	}
	return objects
}
