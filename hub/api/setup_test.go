package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.jetify.com/typeid/v2"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	storev1 "github.com/canonhub/canonhub/gen/canonhub/store/v1"
	"github.com/canonhub/canonhub/hub/api"
	"github.com/canonhub/canonhub/hub/gate"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/redrive"
	"github.com/canonhub/canonhub/hub/store"
	"github.com/canonhub/canonhub/hub/sweep"
)

// world is a hub between a shop and a crm, with its doors open.
type world struct {
	*hubtest.Hub
	t         testing.TB
	shop, crm *hubtest.Vendor
	conn      *grpc.ClientConn
	customers hubv1.CustomerServiceClient
	doors     *api.Server
	rest      string // http://HOST:PORT
	log       *buffer
	webhooks  *http.Request // the last one
}

// setup opens the doors of a hub where the shop's word counts first.
func setup(t testing.TB) *world { return setupWith(t, hubtest.Preferring("shop", "crm")) }

func setupWith(t testing.TB, policies map[string]*configv1.KindPolicy) *world {
	t.Helper()
	w := &world{t: t, shop: hubtest.NewVendor(), crm: hubtest.NewVendor()}
	w.Hub = hubtest.New(t, hubtest.Options{Vendors: map[string]*hubtest.Vendor{"shop": w.shop, "crm": w.crm}, Policies: policies})
	w.open(api.Options{Store: w.Store, Applier: w.Applier, Gate: w.Gate})
	return w
}

// open opens doors to a store that may be none of a whole hub.
func (w *world) open(o api.Options) {
	w.t.Helper()
	w.log = &buffer{}
	registry := prometheus.NewRegistry()
	o.Connections, o.Log = []string{"shop", "crm"}, slog.New(slog.NewTextHandler(w.log, nil))
	o.Metrics, o.Gatherer, o.Ready = registry, registry, o.Store.Ping
	o.Policy.Refold = func(ctx context.Context, version int64) error { return w.Queue.Refold(ctx, version) }
	if w.Hub != nil {
		o.Refresher, o.Redriver = w.Translator, w.Redriver
	}
	if o.Redriver == nil {
		o.Redriver = &redrive.Redriver{Store: o.Store}
	}
	if o.Gate == nil {
		o.Gate = &gate.Gate{Store: o.Store, Log: o.Log}
	}
	o.Webhooks = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.webhooks = r
		_, _ = io.WriteString(rw, r.PathValue("connection"))
	})
	doors, err := api.New(o)
	must(w.t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(w.t, err)
	go func() { _ = doors.GRPC().Serve(listener) }()
	web := httptest.NewServer(doors.HTTP())
	w.conn, err = grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(w.t, err)
	w.doors, w.rest, w.customers = doors, web.URL, hubv1.NewCustomerServiceClient(w.conn)
	w.t.Cleanup(func() {
		_ = w.conn.Close()
		web.Close()
		doors.Close()
	})
}

// put stores a record that no source spoke of, in a transaction of its own.
func (w *world) put(kind model.Kind, connection, external string) store.RecordID {
	w.t.Helper()
	id := newID(w.t, kind)
	must(w.t, w.Store.InTx(w.t.Context(), func(tx *store.Tx) error {
		r := &store.Record{ID: id, Kind: kind, Revision: 1, Message: model.For(kind).New(), Creator: connection,
			Provenance: &storev1.Provenance{}, PolicyVersion: 1}
		if err := tx.PutRecord(r); err != nil {
			return err
		}
		tx.PutLink(&store.Link{LinkKey: store.LinkKey{Connection: connection, Kind: kind, ExternalID: external}, RecordID: id,
			State: store.LinkLive, Primary: true})
		return nil
	}))
	return id
}

func newID(t testing.TB, kind model.Kind) store.RecordID {
	t.Helper()
	id, err := typeid.Generate(string(kind))
	must(t, err)
	return store.RecordID(id.String())
}

// exec runs a statement behind the store's back.
func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	_, err := w.Store.Pool().Exec(w.t.Context(), sql, args...)
	must(w.t, err)
}

// tally counts behind the store's back.
func (w *world) tally(sql string, args ...any) (n int) {
	w.t.Helper()
	must(w.t, w.Store.Pool().QueryRow(w.t.Context(), sql, args...).Scan(&n))
	return n
}

// answer is what REST said.
type answer struct {
	code   int
	header http.Header
	body   map[string]any
	text   string
}

// get asks REST; headers are pairs.
func (w *world) get(path string, headers ...string) answer {
	w.t.Helper()
	return w.send(http.MethodGet, path, headers...)
}

func (w *world) send(method, path string, headers ...string) answer {
	w.t.Helper()
	return w.call(method, path, "", headers...)
}

// post sends JSON.
func (w *world) post(path, body string, headers ...string) answer {
	w.t.Helper()
	return w.call(http.MethodPost, path, body, append(headers, "Content-Type", "application/json")...)
}

func (w *world) call(method, path, body string, headers ...string) answer {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.rest+path, strings.NewReader(body))
	must(w.t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
	}
	response, err := http.DefaultClient.Do(r)
	must(w.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(w.t, err)
	a := answer{code: response.StatusCode, header: response.Header, text: string(text)}
	if strings.HasPrefix(response.Header.Get("Content-Type"), "application/json") {
		must(w.t, json.Unmarshal(text, &a.body))
	}
	return a
}

// reason is the ErrorInfo's reason in a REST error.
func (a answer) reason() string {
	details, _ := a.body["details"].([]any)
	for _, d := range details {
		if reason, ok := d.(map[string]any)["reason"].(string); ok {
			return reason
		}
	}
	return ""
}

// info is the ErrorInfo of a gRPC error; empty where it has none.
func info(err error) *errdetails.ErrorInfo { return detail[*errdetails.ErrorInfo](err) }

func detail[D any](err error) D {
	var none D
	for _, d := range status.Convert(err).Details() {
		if found, ok := d.(D); ok {
			return found
		}
	}
	return none
}

// buffer is a log that may be read while it is written.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sweep looks once for what is owed and has no job.
func (w *world) sweep() {
	(&sweep.Sweeper{Store: w.Store, Queue: w.Queue, Gate: w.Gate, Applier: w.Applier, Connections: w.Applier.Connections,
		Log: slog.New(slog.DiscardHandler)}).Sweep(w.t.Context())
}
