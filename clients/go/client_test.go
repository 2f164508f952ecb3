package canonhub_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	canonhub "github.com/canonhub/canonhub/clients/go"
	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
)

func setup(t *testing.T, before func(context.Context, int) error, opts ...canonhub.Option) (*canonhub.Client, *fakeHub) {
	t.Helper()
	server := startHub(before)
	t.Cleanup(server.Close)
	hub, err := canonhub.Dial(server.Addr, append(opts, canonhub.WithInsecure())...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = hub.Close() })
	return hub, server
}

func unavailable(ctx context.Context) error {
	return hubError(ctx, codes.Unavailable, "the database cannot be reached",
		&errdetails.ErrorInfo{Reason: "STORE_UNAVAILABLE", Domain: "canonhub"},
		&errdetails.RetryInfo{RetryDelay: durationpb.New(time.Second)})
}

func TestSafeCallsAreMadeAgain(t *testing.T) {
	t.Parallel()
	hub, server := setup(t, func(ctx context.Context, call int) error {
		if call < 4 {
			return unavailable(ctx)
		}
		return nil
	})
	if got, err := hub.Customers().Get(t.Context(), ada); err != nil || got.GetId() != ada || server.Calls() != 4 {
		t.Errorf("%v, %v after %d calls, want a record after 4", got, err, server.Calls())
	}
}

func TestTryingAgainEnds(t *testing.T) {
	t.Parallel()
	hub, server := setup(t, func(ctx context.Context, _ int) error { return unavailable(ctx) })
	_, err := hub.Customers().Get(t.Context(), ada)
	var e *canonhub.Error
	if !errors.As(err, &e) || e.Reason != hubv1.ErrorReason_ERROR_REASON_STORE_UNAVAILABLE || e.RetryAfter != time.Second || server.Calls() != 4 {
		t.Errorf("%v after %d calls, want 4", err, server.Calls())
	}
}

func TestOtherErrorsAreNotTriedAgain(t *testing.T) {
	t.Parallel()
	for _, code := range []codes.Code{codes.Internal, codes.NotFound, codes.InvalidArgument, codes.DeadlineExceeded} {
		hub, server := setup(t, func(context.Context, int) error { return status.Error(code, "no") })
		if _, err := hub.Customers().Get(t.Context(), ada); status.Code(err) != code || server.Calls() != 1 {
			t.Errorf("%s: %v after %d calls", code, err, server.Calls())
		}
	}
}

func TestDefaultDeadline(t *testing.T) {
	t.Parallel()
	var left time.Duration
	before := func(ctx context.Context, _ int) error {
		deadline, ok := ctx.Deadline()
		if !ok {
			return status.Error(codes.Internal, "no deadline")
		}
		left = time.Until(deadline)
		return nil
	}
	for name, c := range map[string]struct {
		opts []canonhub.Option
		own  time.Duration
		want time.Duration
	}{
		"default": {nil, 0, 10 * time.Second},
		"option":  {[]canonhub.Option{canonhub.WithTimeout(3 * time.Second)}, 0, 3 * time.Second},
		"longer":  {nil, time.Minute, time.Minute},
		"shorter": {nil, 2 * time.Second, 2 * time.Second},
	} {
		hub, _ := setup(t, before, c.opts...)
		ctx := t.Context()
		if c.own > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, c.own)
			defer cancel()
		}
		if _, err := hub.Customers().Get(ctx, ada); err != nil || left > c.want || left < c.want*8/10 {
			t.Errorf("%s: %v, with %v left, want %v", name, err, left, c.want)
		}
	}
}

func TestDeadlineIsForAllAttempts(t *testing.T) {
	t.Parallel()
	hub, _ := setup(t, func(ctx context.Context, _ int) error {
		<-ctx.Done()
		return ctx.Err()
	}, canonhub.WithTimeout(50*time.Millisecond))
	_, err := hub.Customers().Get(t.Context(), ada)
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := hub.Customers().Get(ctx, ada); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestListYieldsAllPages(t *testing.T) {
	t.Parallel()
	hub, server := setup(t, nil)
	var ids []string
	for record, err := range hub.Customers().List(t.Context(), canonhub.ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, record.GetId())
	}
	if want := []string{ada, grace, alan}; !slices.Equal(ids, want) || server.Calls() != 2 {
		t.Errorf("%v in %d calls, want %v in 2", ids, server.Calls(), want)
	}
}

func TestListFetchesNoMoreThanIsLookedAt(t *testing.T) {
	t.Parallel()
	hub, server := setup(t, nil)
	for range hub.Customers().List(t.Context(), canonhub.ListOptions{}) {
		break
	}
	if server.Calls() != 1 {
		t.Errorf("%d calls", server.Calls())
	}
	all := hub.Customers().List(t.Context(), canonhub.ListOptions{})
	for range 2 { // each loop is a list of its own
		n := 0
		for _, err := range all {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n != 3 {
			t.Errorf("%d records", n)
		}
	}
}

func TestListEndsAfterAnError(t *testing.T) {
	t.Parallel()
	hub, _ := setup(t, func(_ context.Context, call int) error {
		if call == 2 {
			return status.Error(codes.Internal, "no")
		}
		return nil
	})
	var records, failures int
	for record, err := range hub.Customers().List(t.Context(), canonhub.ListOptions{}) {
		if err != nil {
			failures++
			if record != nil {
				t.Errorf("a record beside an error: %v", record)
			}
			continue
		}
		records++
	}
	if records != 2 || failures != 1 {
		t.Errorf("%d records, %d errors", records, failures)
	}
}

func TestErrorsAreTranslated(t *testing.T) {
	t.Parallel()
	hub, _ := setup(t, func(ctx context.Context, _ int) error {
		return hubError(ctx, codes.InvalidArgument, "id: is odd", &errdetails.ErrorInfo{Reason: "INVALID_REQUEST", Domain: "canonhub", Metadata: map[string]string{"a": "b"}},
			&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "id", Description: "is odd"}}})
	})
	_, err := hub.Customers().Get(canonhub.WithCorrelationID(t.Context(), "mine"), ada)
	var e *canonhub.Error
	if !errors.As(err, &e) {
		t.Fatalf("%T %v", err, err)
	}
	if e.Code != codes.InvalidArgument || e.Reason != hubv1.ErrorReason_ERROR_REASON_INVALID_REQUEST || canonhub.ReasonOf(err) != e.Reason ||
		e.Metadata["a"] != "b" || !slices.Equal(e.Violations, []canonhub.Violation{{Field: "id", Description: "is odd"}}) ||
		e.CorrelationID != "mine" || e.Message != "id: is odd" || status.Code(err) != codes.InvalidArgument || canonhub.IsNotFound(err) {
		t.Errorf("%#v", e)
	}
	if _, err := hub.Customers().Get(t.Context(), ada); !strings.Contains(err.Error(), "made-by-hub") {
		t.Errorf("%v does not tell the hub's correlation id", err)
	}
}

func TestReasonsOfOthersAreNone(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]error{
		"another domain":   hubError(t.Context(), codes.NotFound, "x", &errdetails.ErrorInfo{Reason: "RECORD_NOT_FOUND", Domain: "proxy"}),
		"a newer hub's":    hubError(t.Context(), codes.NotFound, "x", &errdetails.ErrorInfo{Reason: "NOT_YET_KNOWN", Domain: "canonhub"}),
		"no details":       status.Error(codes.NotFound, "x"),
		"wrong connection": hubError(t.Context(), codes.NotFound, "x", &errdetails.ErrorInfo{Reason: "CONNECTION_NOT_FOUND", Domain: "canonhub"}),
	} {
		hub, _ := setup(t, func(context.Context, int) error { return answer })
		_, err := hub.Customers().Get(t.Context(), ada)
		if canonhub.IsNotFound(err) || name != "wrong connection" && canonhub.ReasonOf(err) != hubv1.ErrorReason_ERROR_REASON_UNSPECIFIED {
			t.Errorf("%s: %v is %s", name, err, canonhub.ReasonOf(err))
		}
	}
	if canonhub.ReasonOf(nil) != 0 || canonhub.IsNotFound(errors.New("x")) {
		t.Error("errors that are none of ours")
	}
}

func TestUnreachableHub(t *testing.T) {
	t.Parallel()
	hub, server := setup(t, nil, canonhub.WithTimeout(2*time.Second))
	server.Close()
	_, err := hub.Customers().Get(canonhub.WithCorrelationID(t.Context(), "mine"), ada)
	var e *canonhub.Error
	if !errors.As(err, &e) || e.Code != codes.Unavailable || e.Reason != 0 || e.CorrelationID != "mine" {
		t.Errorf("%#v", err)
	}
}

func TestCorrelationIDAndKeyAreSent(t *testing.T) {
	t.Parallel()
	var got metadata.MD
	hub, _ := setup(t, func(ctx context.Context, _ int) error {
		got, _ = metadata.FromIncomingContext(ctx)
		return nil
	}, canonhub.WithAPIKey("k-1"))
	if _, err := hub.Customers().Get(canonhub.WithCorrelationID(t.Context(), "mine"), ada); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Get("x-correlation-id"), []string{"mine"}) || !slices.Equal(got.Get("authorization"), []string{"Bearer k-1"}) {
		t.Errorf("%v", got)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	web := httptest.NewTLSServer(nil) // for its certificate
	t.Cleanup(web.Close)
	var key []string
	server := startHub(func(ctx context.Context, _ int) error {
		key = metadata.ValueFromIncomingContext(ctx, "authorization")
		return nil
	}, grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: web.TLS.Certificates})))
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	for name, c := range map[string]struct {
		opts []canonhub.Option
		want codes.Code
	}{
		"known roots":    {[]canonhub.Option{canonhub.WithTLS(&tls.Config{RootCAs: roots})}, codes.OK},
		"system's roots": {nil, codes.Unavailable},
		"in the clear":   {[]canonhub.Option{canonhub.WithInsecure()}, codes.Unavailable},
	} {
		hub, err := canonhub.Dial(server.Addr, append(c.opts, canonhub.WithAPIKey("k-1"), canonhub.WithTimeout(5*time.Second))...)
		if err != nil {
			t.Fatal(err)
		}
		key = nil
		_, err = hub.Customers().Get(t.Context(), ada)
		if status.Code(err) != c.want || (c.want == codes.OK) != slices.Equal(key, []string{"Bearer k-1"}) {
			t.Errorf("%s: %v, want %s; the hub saw the key %v", name, err, c.want, key)
		}
		_ = hub.Close()
	}
}

func TestDialRefusesDangerousSettings(t *testing.T) {
	t.Parallel()
	insecure, anywhere := canonhub.WithInsecure(), canonhub.WithInsecureAnywhere()
	key := canonhub.WithAPIKey("secret-key")
	for _, c := range []struct {
		target string
		opts   []canonhub.Option
		want   string // in the error; empty where it is fine
	}{
		{"localhost:9090", []canonhub.Option{insecure, key}, ""},
		{"127.0.0.1:9090", []canonhub.Option{insecure}, ""},
		{"127.8.8.8:9090", []canonhub.Option{insecure}, ""},
		{"[::1]:9090", []canonhub.Option{insecure}, ""},
		{"dns:///localhost:9090", []canonhub.Option{insecure}, ""},
		{"dns:localhost:9090", []canonhub.Option{insecure}, ""},
		{"passthrough:///127.0.0.1:9090", []canonhub.Option{insecure}, ""},
		{"ipv4:127.0.0.1:1,127.0.0.2:2", []canonhub.Option{insecure}, ""},
		{"unix:///run/canonhub.sock", []canonhub.Option{insecure, key}, ""},
		{"hub.internal:9090", nil, ""},
		{"hub.internal:9090", []canonhub.Option{key}, ""},
		{"hub.internal:9090", []canonhub.Option{anywhere}, ""},
		{"hub.internal:9090", []canonhub.Option{insecure}, "not on this machine"},
		{"hub.internal", []canonhub.Option{insecure}, "not on this machine"},
		{"10.0.0.1:9090", []canonhub.Option{insecure}, "not on this machine"},
		{"localhost.evil.example:9090", []canonhub.Option{insecure}, "not on this machine"},
		{"dns://8.8.8.8/localhost:9090", []canonhub.Option{insecure}, "not on this machine"},
		{"ipv4:127.0.0.1:1,10.0.0.1:2", []canonhub.Option{insecure}, "not on this machine"},
		{":9090", []canonhub.Option{insecure}, "not on this machine"},
		{"hub.internal:9090", []canonhub.Option{anywhere, key}, "in the clear"},
		{"localhost:9090", []canonhub.Option{insecure, canonhub.WithAPIKey("")}, "empty"},
		{"localhost:9090", []canonhub.Option{insecure, canonhub.WithAPIKey("a\nb")}, "cannot carry"},
		{"localhost:9090", []canonhub.Option{insecure, canonhub.WithTimeout(0)}, "some time"},
	} {
		hub, err := canonhub.Dial(c.target, c.opts...)
		if err == nil {
			_ = hub.Close()
		}
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.target, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret-key") {
			t.Errorf("%s: the error shows the key: %v", c.target, err)
		}
	}
}
