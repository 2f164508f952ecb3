package gate_test

import (
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/jobs"
)

// What a vendor says of its state is answered for the whole connection: for how long it is left alone, and whether the
// work that heard it has used up a try.
func TestWhatAVendorSaysHoldsForItsWholeConnection(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault       fault.Error
		least, most time.Duration // that work which comes now waits; a bit of chance is on top
		tried       bool
	}{
		"throttled, for a time":         {fault.Error{Category: fault.Throttle, RetryAfter: time.Minute}, 50 * time.Second, 91 * time.Second, false},
		"throttled, for a day":          {fault.Error{Category: fault.Throttle, RetryAfter: 24 * time.Hour}, 23 * time.Hour, 37 * time.Hour, false},
		"such calls alone throttled":    {fault.Error{Category: fault.Throttle, Narrow: true, RetryAfter: time.Minute}, 0, 0, false},
		"it fails":                      {fault.Error{Category: fault.Transient}, 0, 0, true},
		"it fails, and asks for time":   {fault.Error{Category: fault.Transient, RetryAfter: time.Minute}, 50 * time.Second, 91 * time.Second, true},
		"it fails, and asks for a year": {fault.Error{Category: fault.Transient, RetryAfter: 365 * 24 * time.Hour}, 9 * time.Minute, 16 * time.Minute, true},
		"it refuses this alone":         {fault.Error{Category: fault.Permanent, RetryAfter: time.Minute}, 0, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := hubtest.New(t, hubtest.Options{Vendors: map[string]*hubtest.Vendor{"shop": hubtest.NewVendor(), "crm": hubtest.NewVendor()}, Policies: hubtest.Preferring("shop", "crm")})
			if wait := h.Gate.Respond(t.Context(), "shop", &test.fault); (wait == nil) != test.tried {
				t.Errorf("%v, and a try is used up: want %t", wait, test.tried)
			}
			wait, _ := jobs.Snoozed(h.Gate.Enter(t.Context(), "shop"))
			if wait < test.least || wait > test.most {
				t.Errorf("work waits %v, want %v to %v", wait, test.least, test.most)
			}
			if err := h.Gate.Enter(t.Context(), "crm"); err != nil {
				t.Errorf("the other connection: %v", err)
			}
		})
	}
}
