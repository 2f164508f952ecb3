package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// A vendor says what its adapter was not written for, and its connection is paused: it is heard all the same, used as far as
// it is known, and told to the operator and in the metrics.
func TestWhatIsNewAtAPausedVendorIsHeardAndTold(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	o := newToolUser(t, w)
	w.start()
	o.must("connections", "pause", "stripe", "--why", "a test")
	const body = `{"id": "evt_new", "object": "event", "type": "customer.updated", "created": 1790000000, "data": {"object": {"id": "cus_new", "object": "customer",
		"created": 1780000000, "email": "ada@example.com", "name": "Ada Lovelace", "livemode": false, "loyalty_tier": "Ada's own", "tax_exempt": "sometimes"}}}`
	if err := w.post(http.DefaultClient, []byte(body)); err != nil {
		t.Fatal(err)
	}
	w.until("it is told", func() error {
		table := o.must("drift", "list", "stripe")
		for _, want := range []string{"unknown_field", "loyalty_tier"} {
			if !strings.Contains(table, want) {
				return fmt.Errorf("no %s in\n%s", want, table)
			}
		}
		if strings.Contains(table, "Ada") {
			t.Errorf("what somebody is called stands in\n%s", table)
		}
		return nil
	})
	w.until("the metrics show it", func() error {
		text := metricsOf(t, w)
		for _, want := range []string{`canonhub_drift_total{change="unknown_field",connection="stripe",kind="customer"} `, `canonhub_connection_paused{by="operator",connection="stripe"} 1`} {
			if !strings.Contains(text, want) {
				return fmt.Errorf("no %s", want)
			}
		}
		return nil
	})
	w.until("what was known of it is used", func() error {
		status, answer := w.rest(http.MethodGet, "/v1/customers", "")
		if text := fmt.Sprint(answer); status != http.StatusOK || !strings.Contains(text, "Ada Lovelace") {
			return fmt.Errorf("%d %s", status, text)
		}
		return nil
	})
}
