package receive_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/signature"
	"github.com/canonhub/canonhub/hub/connection"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/jobs"
	"github.com/canonhub/canonhub/hub/receive"
	"github.com/canonhub/canonhub/hub/redrive"
	"github.com/canonhub/canonhub/hub/store"
)

var secret = adapters.NewSecret("whsec_test")

// hooks is a vendor that signs as Stripe does and sends lists of events.
type hooks struct{}

func (hooks) Verify(d adapters.Delivery) (int, error) {
	return signature.VerifyStripe(d.Header.Get("Stripe-Signature"), d.Body, []adapters.Secret{adapters.NewSecret("whsec_new"), secret}, d.ReceivedAt, time.Minute)
}

func (hooks) Split(d adapters.Delivery) ([]adapters.Event, error) {
	if string(d.Body) == `"no"` {
		return nil, &adapters.Refusal{Reason: "not this"}
	}
	var parts []any
	if err := json.Unmarshal(d.Body, &parts); err != nil {
		return nil, err
	}
	var (
		events []adapters.Event
		err    error
	)
	for i, part := range parts {
		if key, is := part.(string); is {
			events = append(events, adapters.Event{Key: key, Type: "test", Body: []byte(key)})
		} else {
			err = fmt.Errorf("entry %d is no event", i)
		}
	}
	return events, err
}

// learnt is the same vendor, whose adapter knows by now that its events may be numbers, and bare.
type learnt struct{ hooks }

func (learnt) Split(d adapters.Delivery) ([]adapters.Event, error) {
	if d.Header.Get("X-Form") != "new" || d.Query != "form=new" {
		return hooks{}.Split(d)
	}
	var events []adapters.Event
	for _, word := range strings.Fields(strings.Trim(string(d.Body), "[]{")) {
		events = append(events, adapters.Event{Key: strings.Trim(word, `",`), Type: "test", Body: []byte(word)})
	}
	return events, nil
}

// door is a receiver behind a real HTTP server, on a real database.
type door struct {
	*hubtest.Hub
	server *httptest.Server
	client *http.Client
}

func newDoor(t testing.TB, change ...func(connection.Set, *receive.Options)) *door {
	t.Helper()
	h := hubtest.New(t, hubtest.Options{Vendors: map[string]*hubtest.Vendor{"shop": hubtest.NewVendor()}, Policies: hubtest.Preferring("shop")})
	connections := connection.Set{
		"shop":   {Name: "shop", Adapter: &adapters.Adapter{Webhook: hooks{}}},
		"silent": {Name: "silent", Adapter: &adapters.Adapter{}},
	}
	options := receive.Options{Store: h.Store, Queue: h.Queue, Connections: connections,
		Now: time.Now, Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry()}
	for _, f := range change {
		f(connections, &options)
	}
	mux := http.NewServeMux()
	mux.Handle("/webhooks/{connection}", receive.New(options))
	d := &door{Hub: h, server: httptest.NewServer(mux), client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	t.Cleanup(d.server.Close)
	return d
}

// post sends a body, signed by sign, and returns the answer.
func (d *door) post(connection, body, signed string) (status int, answer string, err error) {
	req, err := http.NewRequest(http.MethodPost, d.server.URL+"/webhooks/"+connection, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	if signed != "" {
		req.Header.Set("Stripe-Signature", signed)
	}
	resp, err := d.client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

func (d *door) count(t testing.TB, sql string) (n int) {
	t.Helper()
	if err := d.Store.Pool().QueryRow(context.Background(), sql).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func sign(body string) string { return signature.SignStripe([]byte(body), secret, time.Now()) }

// Law 2: acknowledged means committed; law 3: each receipt has its job.
func TestAcknowledgedWebhookIsStoredOnceWithItsJob(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	body := `["a","b","a"]`
	var senders sync.WaitGroup
	for range 16 {
		senders.Go(func() {
			if status, _, err := d.post("shop", body, sign(body)); status != http.StatusOK {
				t.Errorf("got %d (%v)", status, err)
			}
		})
	}
	senders.Wait()
	if receipts, jobs := d.count(t, `select count(*) from receipts`), d.count(t, `select count(*) from river_job where kind = 'translate'`); receipts != 2 || jobs != 2 {
		t.Errorf("%d receipts and %d jobs, want 2 of each", receipts, jobs)
	}
	if n := d.count(t, `select count(distinct action) from audit where action in ('received', 'verified', 'queued')`); n != 3 {
		t.Errorf("the audit has %d of the three steps", n)
	}
}

// Law 1: nothing is stored of what does not verify, and the sender cannot tell why.
func TestRefusedWebhookLeavesNothingAndTellsNothing(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	body := `["a"]`
	const rows = `select (select count(*) from receipts) + (select count(*) from receipt_keys) + (select count(*) from audit)`
	before := d.count(t, rows)
	for name, attempt := range map[string]struct{ connection, body, signed string }{
		"no signature":        {"shop", body, ""},
		"tampered body":       {"shop", `["b"]`, sign(body)},
		"old time stamp":      {"shop", body, signature.SignStripe([]byte(body), secret, time.Now().Add(-time.Hour))},
		"another's secret":    {"shop", body, signature.SignStripe([]byte(body), adapters.NewSecret("other"), time.Now())},
		"unknown connection":  {"nobody", body, sign(body)},
		"receives no webhook": {"silent", body, sign(body)},
	} {
		status, answer, err := d.post(attempt.connection, attempt.body, attempt.signed)
		if err != nil || status != http.StatusUnauthorized || answer != "" {
			t.Errorf("%s: got %d %q (%v), want 401 and nothing else", name, status, answer, err)
		}
	}
	if n := d.count(t, rows) - before; n != 0 {
		t.Errorf("%d rows were stored", n)
	}
}

func TestBadBodiesGetClearStatusesAndBoundedMemory(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	huge := `["` + strings.Repeat("x", 5<<20) + `"]`
	for name, tc := range map[string]struct {
		body string
		want int
	}{
		"too large":      {huge, http.StatusRequestEntityTooLarge},
		"unintelligible": {`{`, http.StatusOK},
		"unwelcome":      {`"no"`, http.StatusBadRequest},
		"no event":       {`[]`, http.StatusOK},
	} {
		if status, _, err := d.post("shop", tc.body, sign(tc.body)); status != tc.want {
			t.Errorf("%s: got %d (%v), want %d", name, status, err, tc.want)
		}
	}
}

// Law 9: what proved itself and cannot be cut is kept with the reason, once, and cut when the adapter has learnt how.
func TestWhatCannotBeCutIsKept(t *testing.T) {
	t.Parallel()
	d, ctx := newDoor(t), t.Context()
	for _, body := range []string{`{"a" 5`, `["b", 6]`, `{"a" 5`} {
		req, err := http.NewRequest(http.MethodPost, d.server.URL+"/webhooks/shop?form=new", strings.NewReader(body))
		must(t, err)
		req.Header.Set("Stripe-Signature", sign(body))
		req.Header.Set("X-Form", "new")
		req.Header.Set("X-Api-Key", "hush")
		resp, err := d.client.Do(req)
		must(t, err)
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: got %d: what is kept is acknowledged", body, resp.StatusCode)
		}
	}
	letters, err := d.Store.DeadLetters(ctx, store.LetterQuery{Limit: 10})
	must(t, err)
	if len(letters) != 2 {
		t.Fatalf("%d dead letters, want one of each request", len(letters))
	}
	if n := d.count(t, `select count(*) from receipts where event_key = 'b' and state = 'pending'`); n != 1 {
		t.Errorf("%d receipts of the event that could be cut, want 1", n)
	}
	if n := d.count(t, `select count(*) from receipts where position('hush'::bytea in body) > 0`); n != 0 {
		t.Error("a credential among the headers was kept")
	}
	if letters[1].Reason != "the request holds what is no event: entry 1 is no event" || letters[1].Category != "permanent" {
		t.Errorf("got the reason %q, category %s", letters[1].Reason, letters[1].Category)
	}
	kept, err := d.Store.Receipt(ctx, letters[0].ReceiptID)
	must(t, err)
	if raw := string(kept.Raw()); raw != `{"a" 5` {
		t.Errorf("got %q of the request, want its body as it came", raw)
	}

	retry := func(letter *store.DeadLetter, adapter adapters.Webhook) error {
		d.Translator.Connections = connection.Set{"shop": {Name: "shop", Adapter: &adapters.Adapter{Webhook: adapter}}}
		must(t, d.Redriver.One(ctx, letter, time.Now(), redrive.Order{By: "test"}))
		return d.Translator.Translate(ctx, jobs.TranslateArgs{ReceiptID: letter.ReceiptID}, jobs.Run{Attempt: 1})
	}
	if err := retry(letters[0], hooks{}); err == nil {
		t.Error("an adapter that has learnt nothing was believed")
	}
	again, err := d.Store.DeadLetters(ctx, store.LetterQuery{Limit: 10})
	must(t, err)
	if len(again) != 2 || again[1].Redrives != 1 || again[1].CorrelationID != letters[0].CorrelationID {
		t.Fatalf("after a redrive in vain: %d open letters, the newest %+v", len(again), again[len(again)-1])
	}
	for _, letter := range again {
		must(t, retry(letter, learnt{}))
	}
	for key, want := range map[string]string{"a": again[1].CorrelationID, "5": again[1].CorrelationID, "6": again[0].CorrelationID} {
		if n := d.count(t, `select count(*) from receipts r join river_job j on j.args ->> 'receipt_id' = r.id
			where event_key = '`+key+`' and correlation_id = '`+want+`' and r.state = 'pending'`); n != 1 {
			t.Errorf("event %s has %d receipts with a job, want 1", key, n)
		}
	}
	if n := d.count(t, `select count(*) from receipts where origin = 'request' and (state <> 'done' or body <> '')`); n != 0 {
		t.Errorf("%d requests that were cut are kept a second time", n)
	}
}

// BenchmarkReceive takes webhooks in over HTTP, on PostgreSQL, from 32 connections.
func BenchmarkReceive(b *testing.B) {
	d := newDoor(b, func(set connection.Set, _ *receive.Options) { set["shop"].Receive.PerSecond = 1e6 })
	var n atomic.Int64
	b.SetParallelism(16)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			body := fmt.Appendf(nil, `["evt_%d"]`, n.Add(1))
			req, _ := http.NewRequest(http.MethodPost, d.server.URL+"/webhooks/shop", bytes.NewReader(body))
			req.Header.Set("Stripe-Signature", signature.SignStripe(body, secret, time.Now()))
			resp, err := d.client.Do(req)
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				b.Errorf("got %s", resp.Status)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "webhooks/s")
}
