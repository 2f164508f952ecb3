package api_test

import (
	"context"
	"crypto/sha256"
	"io"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/api"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/model"
)

func setupCallers(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, shop: hubtest.NewVendor(), crm: hubtest.NewVendor()}
	w.Hub = hubtest.New(t, hubtest.Options{Vendors: map[string]*hubtest.Vendor{"shop": w.shop, "crm": w.crm}, Policies: hubtest.Preferring("shop", "crm")})
	w.open(api.Options{Store: w.Store, Applier: w.Applier, Callers: []api.Caller{
		{Name: "billing", KeySHA256: [][32]byte{sha256.Sum256([]byte("new-key")), sha256.Sum256([]byte("old-key"))}, MayWrite: map[model.Kind]bool{model.Customer: false}},
		{Name: "shipping", KeySHA256: [][32]byte{sha256.Sum256([]byte("shipping-key"))}, MayWrite: map[model.Kind]bool{model.Order: true}},
	}})
	return w
}

func TestCallersShowTheirKey(t *testing.T) {
	t.Parallel()
	w := setupCallers(t)
	for name, c := range map[string]struct {
		authorization []string
		code          codes.Code
		http          int
		reason        string
	}{
		"the key":                 {[]string{"Bearer new-key"}, codes.OK, 200, ""},
		"the older key":           {[]string{"bearer old-key"}, codes.OK, 200, ""},
		"no key":                  {nil, codes.Unauthenticated, 401, "UNAUTHENTICATED"},
		"an empty key":            {[]string{"Bearer "}, codes.Unauthenticated, 401, "UNAUTHENTICATED"},
		"another key":             {[]string{"Bearer stolen"}, codes.Unauthenticated, 401, "UNAUTHENTICATED"},
		"a key with a blank":      {[]string{"Bearer  new-key"}, codes.Unauthenticated, 401, "UNAUTHENTICATED"},
		"another scheme":          {[]string{"Basic new-key"}, codes.Unauthenticated, 401, "UNAUTHENTICATED"},
		"the key of another kind": {[]string{"Bearer shipping-key"}, codes.PermissionDenied, 403, "NOT_ALLOWED"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			for _, a := range c.authorization {
				ctx = metadata.AppendToOutgoingContext(ctx, "authorization", a)
			}
			_, err := w.customers.ListCustomers(ctx, &hubv1.ListCustomersRequest{})
			if status.Code(err) != c.code || c.reason != "" && info(err).GetReason() != c.reason {
				t.Errorf("over gRPC: %v, want %s", err, c.code)
			}
			request, err := http.NewRequest(http.MethodGet, w.rest+"/v1/customers", nil)
			must(t, err)
			request.Header["Authorization"] = c.authorization
			answer, err := http.DefaultClient.Do(request)
			must(t, err)
			defer answer.Body.Close()
			body, err := io.ReadAll(answer.Body)
			must(t, err)
			if answer.StatusCode != c.http || !strings.Contains(string(body), c.reason) {
				t.Errorf("over REST: %d %s, want %d with %s", answer.StatusCode, body, c.http, c.reason)
			}
			if got := answer.Header.Get("WWW-Authenticate"); (got == "Bearer") != (c.http == 401) {
				t.Errorf("WWW-Authenticate is %q with a %d", got, c.http)
			}
			if strings.Contains(string(body)+w.log.String(), "-key") {
				t.Error("a key is told")
			}
		})
	}
}

func TestWhatNeedsNoKey(t *testing.T) {
	t.Parallel()
	w := setupCallers(t)
	ctx := context.Background()
	if _, err := healthpb.NewHealthClient(w.conn).Check(ctx, &healthpb.HealthCheckRequest{}); err != nil {
		t.Errorf("health: %v", err)
	}
	stream, err := grpc_reflection_v1.NewServerReflectionClient(w.conn).ServerReflectionInfo(ctx)
	must(t, err)
	if _, err := stream.Recv(); status.Code(err) != codes.Unauthenticated {
		t.Errorf("reflection: %v, want it to ask for a key", err)
	}
	for path, want := range map[string]int{"/healthz": 200, "/openapi.json": 200, "/v1/customers": 401} {
		answer, err := http.Get(w.rest + path)
		must(t, err)
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, answer.StatusCode, want)
		}
	}
}
