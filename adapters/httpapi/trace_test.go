package httpapi_test

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/canonhub/canonhub/adapters/httpapi"
)

const (
	traceID  = "0af7651916cd43dd8448eb211c80319c"
	spanID   = "b7ad6b7169203331"
	incoming = "00-" + traceID + "-" + spanID + "-01"
)

// valid is a traceparent of version 00 that is no more than that.
var valid = regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$`)

func TestATraceIsContinuedWhereItIsWellFormedAndBegunElsewhere(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		continued bool
		flags     string
	}{
		incoming:                                                {true, "01"},
		"00-" + traceID + "-" + spanID + "-00":                  {true, "00"},
		"00-" + traceID + "-" + spanID + "-03":                  {true, "01"}, // flags that version 00 does not define
		"00-" + traceID + "-" + spanID + "-fe":                  {true, "00"},
		"cc-" + traceID + "-" + spanID + "-01":                  {true, "01"}, // a version to come
		"cc-" + traceID + "-" + spanID + "-01-what-comes":       {true, "01"},
		"00-" + traceID + "-" + spanID + "-01-extra":            {false, "01"},
		"cc-" + traceID + "-" + spanID + "-01.extra":            {false, "01"},
		"ff-" + traceID + "-" + spanID + "-01":                  {false, "01"},
		"00-" + strings.Repeat("0", 32) + "-" + spanID + "-01":  {false, "01"},
		"00-" + traceID + "-" + strings.Repeat("0", 16) + "-01": {false, "01"},
		"00-" + strings.ToUpper(traceID) + "-" + spanID + "-01": {false, "01"},
		"00-" + traceID[1:] + "-" + spanID + "-01":              {false, "01"},
		"00-" + traceID + "-" + spanID:                          {false, "01"},
		" " + incoming:                                          {false, "01"},
		incoming + "\n":                                         {false, "01"},
		"":                                                      {false, "01"},
		"00-" + traceID + "-" + spanID + "-0g":                  {false, "01"},
	} {
		got := httpapi.ContinueTrace(text)
		if !valid.MatchString(got) || got[3:35] == strings.Repeat("0", 32) || got[53:] != want.flags {
			t.Errorf("%q goes on as %q", text, got)
		}
		if continued := got[3:35] == traceID; continued != want.continued {
			t.Errorf("%q goes on as %q, want the same trace: %v", text, got, want.continued)
		}
		if got[36:52] == spanID {
			t.Errorf("%q has no span of its own: %q", text, got)
		}
	}
}

func TestWhateverComesInWhatGoesOutIsAValidTraceparent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-.{0,3})?`)).Draw(t, "incoming")
		out := httpapi.ContinueTrace(text)
		if !valid.MatchString(out) {
			t.Fatalf("%q", out)
		}
		if again := httpapi.ContinueTrace(out); again[:35] != out[:35] || again == out {
			t.Fatalf("%q goes on as %q", out, again)
		}
	})
	if one, two := httpapi.NewTraceParent(), httpapi.NewTraceParent(); one == two {
		t.Error("two traces are one")
	}
}

func TestACallCarriesItsTrace(t *testing.T) {
	t.Parallel()
	var got http.Header
	c := serve(t, func(_ http.ResponseWriter, r *http.Request) { got = r.Header })
	call := func(trace httpapi.Trace) {
		t.Helper()
		if _, err := c.Do(httpapi.WithTrace(context.Background(), trace), "op", post()); err != nil {
			t.Fatal(err)
		}
	}
	call(httpapi.Trace{CorrelationID: "c_1", TraceParent: incoming})
	if got.Get("X-Correlation-Id") != "c_1" || !strings.HasPrefix(got.Get("Traceparent"), "00-"+traceID+"-") || got.Get("Traceparent") == incoming {
		t.Errorf("sent %v", got)
	}
	made := regexp.MustCompile(`^c_[0-9a-f]{32}$`)
	for _, lacking := range []httpapi.Trace{{}, {CorrelationID: "broken\r\nX-Evil: 1"}, {CorrelationID: "broken\r\nX-Evil: 1", TraceParent: incoming}} {
		call(lacking)
		if !made.MatchString(got.Get("X-Correlation-Id")) || !valid.MatchString(got.Get("Traceparent")) || got.Get("X-Evil") != "" {
			t.Errorf("%q: sent %v", lacking, got)
		}
	}
	call(httpapi.Trace{CorrelationID: "pull_1"})
	if got.Get("X-Correlation-Id") != "pull_1" || !valid.MatchString(got.Get("Traceparent")) {
		t.Errorf("sent %v", got)
	}
}
