package httpapi_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
)

var now = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

func TestRetryAfterIsReadInEveryFormThatVendorsWrite(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"":                               0,
		"0":                              0,
		"7":                              7 * time.Second,
		"0.5":                            500 * time.Millisecond,
		"2.0":                            2 * time.Second,
		"86400":                          24 * time.Hour,
		"86401":                          24 * time.Hour,
		"99999999999999999999":           24 * time.Hour,
		"Mon, 02 Nov 2026 09:01:30 GMT":  90 * time.Second,
		"Monday, 02-Nov-26 09:01:30 GMT": 90 * time.Second,
		"Mon, 02 Nov 2026 08:59:59 GMT":  0,
		"Tue, 02 Nov 2027 09:00:00 GMT":  24 * time.Hour,
		"-5":                             0,
		"+5":                             0,
		"1e3":                            0,
		"0x10":                           0,
		"Inf":                            0,
		"NaN":                            0,
		".5":                             0,
		"5s":                             0,
		"soon":                           0,
	} {
		if got := httpapi.RetryAfter(http.Header{"Retry-After": {text}}, now); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
	if got := httpapi.RetryAfter(http.Header{"Retry-After": {"Mon, 02 Nov 2026 09:01:30 GMT"}}, time.Time{}); got != 0 {
		t.Errorf("a date without a clock is %s", got)
	}
}

func TestRetryAfterIsNeverNegativeAndNeverOverADay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[-+]?[0-9]{0,400}(\.[0-9]{0,20})?`)).Draw(t, "text")
		if got := httpapi.RetryAfter(http.Header{"Retry-After": {text}}, now); got < 0 || got > 24*time.Hour {
			t.Fatalf("%q is %s", text, got)
		}
	})
}

func TestAStatusIsJudgedByDefault(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]fault.Category{
		302: fault.Permanent, 400: fault.Permanent, 401: fault.Auth, 402: fault.Permanent, 403: fault.Permanent, 404: fault.Gone,
		408: fault.Transient, 409: fault.Conflict, 410: fault.Gone, 412: fault.Conflict, 422: fault.Permanent, 425: fault.Transient,
		429: fault.Throttle, 500: fault.Transient, 502: fault.Transient, 503: fault.Transient, 504: fault.Transient,
	} {
		f := httpapi.Fault("update customer", httpapi.Response{Status: status, Header: http.Header{"Retry-After": {"7"}}})
		if f.Category != want || f.Status != status || f.Op != "update customer" || f.RetryAfter != 7*time.Second {
			t.Errorf("%d is %+v", status, f)
		}
		if maybe := status >= 500 || status == 408; f.MaybeDone != maybe {
			t.Errorf("%d leaves the work in doubt: %v, want %v", status, f.MaybeDone, maybe)
		}
	}
}

func TestADateInRetryAfterCountsFromTheVendorsClock(t *testing.T) {
	t.Parallel()
	r := httpapi.Response{Status: 429, Date: now, Header: http.Header{"Retry-After": {"Mon, 02 Nov 2026 09:00:10 GMT"}}}
	if f := httpapi.Fault("op", r); f.RetryAfter != 10*time.Second {
		t.Errorf("got %s", f.RetryAfter)
	}
}

// FuzzRetryAfter: whatever comes, the wait is none, or up to a day.
func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"", "7", "2.0", "-1", "1e400", "Mon, 02 Nov 2026 09:01:30 GMT", "Mon, 02 Nov 26 09:01:30 +0000", "99999999999999999999"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got := httpapi.RetryAfter(http.Header{"Retry-After": {text}}, now); got < 0 || got > 24*time.Hour {
			t.Fatalf("%q is %s", text, got)
		}
	})
}

// A vendor without a Date header is taken at our clock.
func TestADateInRetryAfterCountsFromOurClockWithoutTheVendors(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Date"] = nil
		w.Header().Set("Retry-After", "Mon, 02 Nov 2026 09:00:10 GMT")
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	t.Cleanup(server.Close)
	c := httpapi.New(adapters.Settings{BaseURL: server.URL, HTTP: server.Client(), Now: func() time.Time { return now }}, httpapi.Vendor{})
	answer, err := c.Do(context.Background(), "op", httpapi.Request{Method: http.MethodGet, Path: "/"})
	if err != nil || !answer.Date.IsZero() {
		t.Fatalf("%v, dated %s", err, answer.Date)
	}
	if f := httpapi.Fault("op", answer); f.RetryAfter != 10*time.Second {
		t.Errorf("got %s", f.RetryAfter)
	}
}
