package api_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/api"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

func TestErrorsCarryTheirReason(t *testing.T) {
	t.Parallel()
	w := setup(t)
	missing := string(newID(t, model.Customer))
	for name, c := range map[string]struct {
		call   func(context.Context) error
		rest   string
		code   codes.Code
		http   int
		reason string
		about  map[string]string
		field  string
	}{
		"no such record": {
			func(ctx context.Context) error {
				_, err := w.customers.GetCustomer(ctx, &hubv1.GetCustomerRequest{Id: missing})
				return err
			}, "/v1/customers/" + missing, codes.NotFound, 404, "RECORD_NOT_FOUND", map[string]string{"id": missing}, "",
		},
		"no such record to explain": {
			func(ctx context.Context) error {
				_, err := w.customers.ExplainCustomer(ctx, &hubv1.ExplainCustomerRequest{Id: missing})
				return err
			}, "/v1/customers/" + missing + ":explain", codes.NotFound, 404, "RECORD_NOT_FOUND", map[string]string{"id": missing}, "",
		},
		"no such link": {
			func(ctx context.Context) error {
				_, err := w.customers.LookupCustomer(ctx, &hubv1.LookupCustomerRequest{Connection: "shop", ExternalId: "x"})
				return err
			}, "/v1/customers:lookup?connection=shop&external_id=x", codes.NotFound, 404, "LINK_NOT_FOUND",
			map[string]string{"connection": "shop", "external_id": "x"}, "",
		},
		"a zero byte in an external id": {
			func(ctx context.Context) error {
				_, err := w.customers.LookupCustomer(ctx, &hubv1.LookupCustomerRequest{Connection: "shop", ExternalId: "x\x00"})
				return err
			}, "/v1/customers:lookup?connection=shop&external_id=x%00", codes.NotFound, 404, "LINK_NOT_FOUND", nil, "",
		},
		"no such connection": {
			func(ctx context.Context) error {
				_, err := w.customers.LookupCustomer(ctx, &hubv1.LookupCustomerRequest{Connection: "shopp", ExternalId: "x"})
				return err
			}, "/v1/customers:lookup?connection=shopp&external_id=x", codes.NotFound, 404, "CONNECTION_NOT_FOUND",
			map[string]string{"connection": "shopp"}, "",
		},
		"an id of another kind": {
			func(ctx context.Context) error {
				_, err := w.customers.GetCustomer(ctx, &hubv1.GetCustomerRequest{Id: string(newID(t, model.Order))})
				return err
			}, "/v1/customers/" + string(newID(t, model.Order)), codes.InvalidArgument, 400, "INVALID_REQUEST", nil, "id",
		},
		"an empty batch": {
			func(ctx context.Context) error {
				_, err := w.customers.BatchGetCustomers(ctx, &hubv1.BatchGetCustomersRequest{})
				return err
			}, "/v1/customers:batchGet", codes.InvalidArgument, 400, "INVALID_REQUEST", nil, "ids",
		},
		"a batch with an id that is none": {
			func(ctx context.Context) error {
				_, err := w.customers.BatchGetCustomers(ctx, &hubv1.BatchGetCustomersRequest{Ids: []string{missing, "x"}})
				return err
			}, "/v1/customers:batchGet?ids=" + missing + "&ids=x", codes.InvalidArgument, 400, "INVALID_REQUEST", nil, "ids[1]",
		},
		"an order by something else": {
			func(ctx context.Context) error {
				_, err := w.customers.ListCustomers(ctx, &hubv1.ListCustomersRequest{OrderBy: "note"})
				return err
			}, "/v1/customers?order_by=note", codes.InvalidArgument, 400, "INVALID_REQUEST", nil, "order_by",
		},
		"a filter by something else": {
			func(ctx context.Context) error {
				_, err := w.customers.ListCustomers(ctx, &hubv1.ListCustomersRequest{Filter: `note = "x"`})
				return err
			}, "/v1/customers?filter=" + url.QueryEscape(`note = "x"`), codes.InvalidArgument, 400, "INVALID_FILTER", nil, "filter",
		},
		"a page token of nowhere": {
			func(ctx context.Context) error {
				_, err := w.customers.ListCustomers(ctx, &hubv1.ListCustomersRequest{PageToken: "x"})
				return err
			}, "/v1/customers?page_token=x", codes.InvalidArgument, 400, "INVALID_PAGE_TOKEN", nil, "page_token",
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.call(metadata.AppendToOutgoingContext(t.Context(), "x-correlation-id", "test-1"))
			if status.Code(err) != c.code || info(err).GetReason() != c.reason || info(err).GetDomain() != "canonhub" {
				t.Errorf("%v, %v; want %s, %s", err, info(err), c.code, c.reason)
			}
			for key, value := range c.about {
				if info(err).GetMetadata()[key] != value {
					t.Errorf("metadata %v, want %s=%s", info(err).GetMetadata(), key, value)
				}
			}
			if id := detail[*errdetails.RequestInfo](err).GetRequestId(); id != "test-1" {
				t.Errorf("the error is of call %q, want test-1", id)
			}
			if violations := detail[*errdetails.BadRequest](err).GetFieldViolations(); c.field != "" && (len(violations) == 0 || violations[0].GetField() != c.field || violations[0].GetDescription() == "") {
				t.Errorf("violations %v, want one of %s", violations, c.field)
			}
			if a := w.get(c.rest); a.code != c.http || a.reason() != c.reason {
				t.Errorf("REST %s: %d %s", c.rest, a.code, a.text)
			}
		})
	}
}

func TestInvalidRequestTellsOfABoundedNumberOfFields(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, err := w.customers.BatchGetCustomers(t.Context(), &hubv1.BatchGetCustomersRequest{Ids: make([]string, 900)})
	if n := len(detail[*errdetails.BadRequest](err).GetFieldViolations()); n != 20 {
		t.Errorf("%d violations: %v", n, err)
	}
}

// A fault of ours is told without its details; the log has them under the correlation id.
func TestFaultsAreHiddenAndLogged(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := w.put(model.Customer, "shop", "s1")
	w.exec(`update records set message = '\xff' where id = $1`, id)

	var header metadata.MD
	_, err := w.customers.GetCustomer(t.Context(), &hubv1.GetCustomerRequest{Id: string(id)}, grpc.Header(&header))
	if status.Code(err) != codes.Internal || info(err).GetReason() != "INTERNAL" || strings.Contains(err.Error(), "decode") {
		t.Errorf("%v", err)
	}
	correlation := header.Get("x-correlation-id")
	if len(correlation) != 1 || len(correlation[0]) != 34 {
		t.Fatalf("correlation id %v", correlation)
	}
	line := ""
	for l := range strings.Lines(w.log.String()) {
		if strings.Contains(l, correlation[0]) {
			line += l
		}
	}
	if strings.Count(line, "\n") != 1 || !strings.Contains(line, "level=ERROR") || !strings.Contains(line, "decode") || !strings.Contains(line, "GetCustomer") {
		t.Errorf("the log has %q", line)
	}
	if a := w.get("/v1/customers/" + string(id)); a.code != 500 || a.reason() != "INTERNAL" || strings.Contains(a.text, "decode") {
		t.Errorf("REST: %d %s", a.code, a.text)
	}
}

func TestPanicIsAFaultOfOneCall(t *testing.T) {
	t.Parallel()
	whole := setup(t)
	id := whole.put(model.Customer, "shop", "s1")
	broken := &world{Hub: whole.Hub, t: t}
	broken.open(api.Options{Store: whole.Store, Applier: &apply.Applier{}}) // has no policy, and no store to take one from
	for range 2 {
		_, err := broken.customers.ExplainCustomer(t.Context(), &hubv1.ExplainCustomerRequest{Id: string(id)})
		if status.Code(err) != codes.Internal || info(err).GetReason() != "INTERNAL" {
			t.Errorf("%v", err)
		}
	}
	if log := broken.log.String(); !strings.Contains(log, "panic: ") || !strings.Contains(log, "explain.go") {
		t.Errorf("the log has no stack: %s", log)
	}
}

func TestUnreachableDatabaseIsUnavailable(t *testing.T) {
	t.Parallel()
	away, err := store.Open(t.Context(), "postgres://nobody@127.0.0.1:1/none", store.Options{})
	must(t, err)
	t.Cleanup(away.Close)
	w := &world{t: t}
	w.open(api.Options{Store: away, Applier: &apply.Applier{}})

	_, err = w.customers.GetCustomer(t.Context(), &hubv1.GetCustomerRequest{Id: string(newID(t, model.Customer))})
	if status.Code(err) != codes.Unavailable || info(err).GetReason() != "STORE_UNAVAILABLE" {
		t.Errorf("%v", err)
	}
	if wait := detail[*errdetails.RetryInfo](err).GetRetryDelay().AsDuration(); wait != time.Second {
		t.Errorf("try again after %v", wait)
	}
	if a := w.get("/v1/customers"); a.code != 503 || a.reason() != "STORE_UNAVAILABLE" {
		t.Errorf("REST: %d %s", a.code, a.text)
	}
	if a := w.get("/readyz"); a.code != 503 || strings.Contains(a.text, "127.0.0.1") {
		t.Errorf("readyz: %d %s", a.code, a.text)
	}
	if a := w.get("/healthz"); a.code != 200 {
		t.Errorf("healthz: %d %s", a.code, a.text)
	}
	if n := strings.Count(w.log.String(), "not ready"); n != 1 {
		t.Errorf("the log tells %d times that the hub is not ready", n)
	}
}

// Calls that the database's end cut off are told so, and the next ones are served.
func TestEndedDatabaseSessionsAreUnavailableOrServed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := string(w.put(model.Customer, "shop", "s1"))
	for range 10 {
		w.exec(`select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()`)
		_, err := w.customers.GetCustomer(t.Context(), &hubv1.GetCustomerRequest{Id: id})
		if code := status.Code(err); code != codes.OK && code != codes.Unavailable {
			t.Fatalf("%v; log: %s", err, w.log)
		}
	}
}

func TestCallersTimeRunsOut(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := w.put(model.Customer, "shop", "s1")
	tx, err := w.Store.Pool().Begin(t.Context())
	must(t, err)
	defer func() { _ = tx.Rollback(context.Background()) }()
	_, err = tx.Exec(t.Context(), `lock table records in access exclusive mode`)
	must(t, err)

	if a := w.get("/v1/customers/"+string(id), "Grpc-Timeout", "100m"); a.code != 504 || a.reason() != "DEADLINE" {
		t.Errorf("REST: %d %s", a.code, a.text)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = w.customers.GetCustomer(ctx, &hubv1.GetCustomerRequest{Id: string(id)})
	if status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("%v", err)
	}
	w.Until("both calls are logged", func() bool { return strings.Count(w.log.String(), "reason=DEADLINE") == 2 })
}

func TestStatusOfGoErrors(t *testing.T) {
	t.Parallel()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithTimeout(t.Context(), -time.Second)
	defer cancel()
	boring := errors.New("boring")
	for name, c := range map[string]struct {
		ctx    context.Context
		err    error
		code   codes.Code
		reason string
	}{
		"cancelled":                     {cancelled, fmt.Errorf("read: %w", context.Canceled), codes.Canceled, "DEADLINE"},
		"late":                          {late, fmt.Errorf("read: %w", context.DeadlineExceeded), codes.DeadlineExceeded, "DEADLINE"},
		"late, whatever the error says": {late, boring, codes.DeadlineExceeded, "DEADLINE"},
		"a timeout of our own":          {t.Context(), context.DeadlineExceeded, codes.Unavailable, "STORE_UNAVAILABLE"},
		"going down":                    {t.Context(), &pgconn.PgError{Code: "57P01"}, codes.Unavailable, "STORE_UNAVAILABLE"},
		"full":                          {t.Context(), &pgconn.PgError{Code: "53300"}, codes.Unavailable, "STORE_UNAVAILABLE"},
		"bad statement":                 {t.Context(), &pgconn.PgError{Code: "42P01"}, codes.Internal, "INTERNAL"},
		"broken off":                    {t.Context(), fmt.Errorf("read: %w", io.ErrUnexpectedEOF), codes.Unavailable, "STORE_UNAVAILABLE"},
		"anything":                      {t.Context(), boring, codes.Internal, "INTERNAL"},
	} {
		st := api.StatusOf(c.ctx, c.err)
		if st.Code() != c.code || info(st.Err()).GetReason() != c.reason {
			t.Errorf("%s: %v, %v; want %s, %s", name, st, info(st.Err()), c.code, c.reason)
		}
	}
}

// A reason without a code would be told as success.
func TestEveryReasonHasACode(t *testing.T) {
	t.Parallel()
	for number, name := range hubv1.ErrorReason_name {
		reason := hubv1.ErrorReason(number)
		if code := api.StatusOf(t.Context(), api.Failure(reason)).Code(); code == codes.OK || code == codes.Unknown {
			t.Errorf("%s: %s", name, code)
		}
	}
}
