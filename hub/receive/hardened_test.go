package receive_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/hub/connection"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/receive"
	"github.com/canonhub/canonhub/hub/store"
)

// other adds a second connection, and bounds the first.
func other(of connection.Receive) func(connection.Set, *receive.Options) {
	return func(set connection.Set, _ *receive.Options) {
		set["shop"].Receive = of
		set["other"] = &connection.Connection{Name: "other", Adapter: &adapters.Adapter{Webhook: hooks{}}}
	}
}

// send posts a signed body with headers, and returns the answer.
func (d *door) send(t *testing.T, connection, body string, headers ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.server.URL+"/webhooks/"+connection, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Stripe-Signature", sign(body))
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := d.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(text))
	return resp
}

func TestAFloodIsTurnedAwayAndHurtsNoOtherConnection(t *testing.T) {
	t.Parallel()
	d := newDoor(t, other(connection.Receive{PerSecond: 0.01}))
	// Noise that nobody signed uses up nothing.
	for range 20 {
		if status, _, err := d.post("shop", `["x"]`, "t=1,v1=00"); status != http.StatusUnauthorized {
			t.Fatalf("%d, %v", status, err)
		}
	}
	if r := d.send(t, "shop", `["a"]`); r.StatusCode != http.StatusOK {
		t.Fatalf("the vendor's own first: %s", r.Status)
	}
	for i := range 5 {
		r := d.send(t, "shop", fmt.Sprintf(`["b%d"]`, i))
		if r.StatusCode != http.StatusTooManyRequests || len(r.Header.Get("Retry-After")) < 2 {
			t.Errorf("%s, to be tried again in %q seconds; want 429 and about a hundred", r.Status, r.Header.Get("Retry-After"))
		}
	}
	if r := d.send(t, "other", `["c"]`); r.StatusCode != http.StatusOK {
		t.Errorf("the other connection: %s", r.Status)
	}
	if n := d.count(t, `select count(*) from receipts`); n != 2 {
		t.Errorf("%d receipts, want 2", n)
	}
}

// Who is slow, and announces more than all the memory there is for bodies, takes no place and no memory from anybody.
func TestSendersThatAreSlowAreCutOffAndHoldUpNobody(t *testing.T) {
	t.Parallel()
	d := newDoor(t, other(connection.Receive{Concurrency: 2}), func(_ connection.Set, o *receive.Options) { o.ReadTime = 2 * time.Second })
	var slow []net.Conn
	for range 40 {
		c, err := net.Dial("tcp", d.server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := fmt.Fprintf(c, "POST /webhooks/shop HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", 4<<20); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 100") { // its body is being read
			t.Fatal(line, err)
		}
		if _, err := c.Write([]byte("[")); err != nil {
			t.Fatal(err)
		}
		slow = append(slow, c)
	}
	for _, name := range []string{"shop", "other"} {
		if r := d.send(t, name, `["a"]`); r.StatusCode != http.StatusOK {
			t.Errorf("%s beside them: %s", name, r.Status)
		}
	}
	for _, c := range slow {
		text, err := io.ReadAll(c)
		if err != nil || !bytes.Contains(text, []byte("HTTP/1.1 408")) {
			t.Fatalf("a slow sender heard %q, %v", text, err)
		}
	}
}

// Who fills the memory for bodies at one connection, or at one that does not exist, shuts out none of the others.
func TestLargeBodiesThatDoNotEndShutOutNoOtherConnection(t *testing.T) {
	t.Parallel()
	d := newDoor(t, other(connection.Receive{}), func(_ connection.Set, o *receive.Options) { o.ReadTime = time.Minute })
	for _, name := range []string{"other", "nobody"} {
		d.fill(t, name)
	}
	if !d.takes("shop") {
		t.Error("shop is shut out")
	}
}

var large = "[" + strings.Repeat(" ", 3<<20) + `"a"]`

// takes says that there is room for a large body; one that is not read to its end may hear nothing.
func (d *door) takes(name string) bool {
	status, _, err := d.post(name, large, sign(large))
	return err == nil && status != http.StatusServiceUnavailable
}

// fill sends large bodies that do not end until no more are taken, and says how many were.
func (d *door) fill(t *testing.T, name string) (filled int) {
	t.Helper()
	for ; d.takes(name); filled++ {
		if filled == 100 {
			t.Fatalf("%d large bodies at %s, and room for more", filled, name)
		}
		c, err := net.Dial("tcp", d.server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		// All but its last byte; it may be turned away before that.
		_, _ = fmt.Fprintf(c, "POST /webhooks/%s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", name, len(large), large[1:])
	}
	return filled
}

// hang has the store hang until it is let go.
func (d *door) hang(t *testing.T) (letGo func()) {
	t.Helper()
	tx, err := d.Store.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `lock table receipts in access exclusive mode`); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := tx.Rollback(context.Background()); err != nil {
			t.Error(err)
		}
	}
}

func TestNoMoreThanItsConcurrencyIsStoredOfAConnectionAtATime(t *testing.T) {
	t.Parallel()
	d := newDoor(t, other(connection.Receive{Concurrency: 2}))
	letGo := d.hang(t)
	first := make(chan int, 2)
	for i := range 2 {
		go func() {
			body := fmt.Sprintf(`["%d"]`, i)
			status, _, err := d.post("shop", body, sign(body))
			if err != nil {
				t.Error(err)
			}
			first <- status
		}()
	}
	d.Until("both places are taken", func() bool {
		r := d.send(t, "shop", `[]`)
		if r.StatusCode == http.StatusServiceUnavailable && r.Header.Get("Retry-After") == "" {
			t.Error("busy, and no Retry-After")
		}
		return r.StatusCode == http.StatusServiceUnavailable
	})
	if r := d.send(t, "other", `[]`); r.StatusCode != http.StatusOK {
		t.Errorf("the other connection: %s", r.Status)
	}
	letGo()
	for range 2 {
		if status := <-first; status != http.StatusOK {
			t.Errorf("one of the first: %d", status)
		}
	}
}

// odd sends an event that the database would not take as it is.
type odd struct{ hooks }

func (odd) Split(d adapters.Delivery) ([]adapters.Event, error) {
	return []adapters.Event{
		{Key: "nul\x00", Type: "bad\xff\x00", Body: d.Body},
		{Key: strings.Repeat(rand.Text(), 1000), Type: "long", Body: d.Body, OccurredAt: time.Unix(1<<50, 0)},
		{Key: "good", Type: "good", Body: d.Body},
	}, nil
}

func TestWhatIsOddAboutAnEventFailsNeitherItNorOthers(t *testing.T) {
	t.Parallel()
	d := newDoor(t, func(set connection.Set, _ *receive.Options) { set["shop"].Adapter = &adapters.Adapter{Webhook: odd{}} })
	if r := d.send(t, "shop", `{}`); r.StatusCode != http.StatusOK {
		t.Error(r.Status)
	}
	if n := d.count(t, `select count(*) from receipts`); n != 3 {
		t.Errorf("%d receipts, want 3", n)
	}
}

// A database that does not answer is not made to suffer more, and nothing is acknowledged that it has not committed.
func TestWhatCannotBeStoredInTimeIsNotAcknowledged(t *testing.T) {
	t.Parallel()
	d := newDoor(t, func(_ connection.Set, o *receive.Options) { o.StoreTime = 300 * time.Millisecond })
	letGo := d.hang(t)
	if r := d.send(t, "shop", `["a"]`); r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") != "5" {
		t.Errorf("%s, Retry-After %q", r.Status, r.Header.Get("Retry-After"))
	}
	letGo()
	d.Until("it is stored when it is sent again", func() bool { return d.send(t, "shop", `["a"]`).StatusCode == http.StatusOK })
	if n := d.count(t, `select count(*) from receipts`); n != 1 {
		t.Errorf("%d receipts, want 1", n)
	}
}

func TestMediaTypes(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	for headers, want := range map[[2]string]int{
		{"Content-Type", "application/json; charset=utf-8"}:   200,
		{"Content-Type", "Application/JSON"}:                  200,
		{"Content-Type", "application/vnd.vendor+json"}:       200,
		{"Content-Type", "application/x-www-form-urlencoded"}: 200,
		{"Content-Type", "text/xml"}:                          200,
		{"Content-Type", ""}:                                  200,
		{"Content-Type", "multipart/form-data; boundary=x"}:   415,
		{"Content-Type", "image/png"}:                         415,
		{"Content-Type", ";;;"}:                               415,
		{"Content-Encoding", "gzip"}:                          415,
		{"Content-Encoding", "identity"}:                      200,
	} {
		if r := d.send(t, "shop", `[]`, headers[0], headers[1]); r.StatusCode != want {
			t.Errorf("%v: %s, want %d", headers, r.Status, want)
		}
		if r := d.send(t, "nobody", `[]`, headers[0], headers[1]); r.StatusCode != want && want != 200 {
			t.Errorf("%v at no connection: %s, want %d", headers, r.Status, want)
		}
	}
}

// From outside a connection that does not exist is as one whose secret is wrong, in whatever is tried.
func TestNobodyLearnsWhichConnectionsThereAre(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	for _, body := range []string{`["a"]`, ``, `{`, strings.Repeat("x", 5<<20)} {
		var heard []string
		for _, name := range []string{"shop", "nobody", "silent", "..%2f..", "shop%00"} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.server.URL+"/webhooks/"+name, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := d.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			resp.Header.Del("Date")
			heard = append(heard, fmt.Sprint(resp.Status, resp.Header, string(text)))
		}
		for _, h := range heard {
			if h != heard[0] {
				t.Errorf("%.20q: %q and %q", body, heard[0], h)
			}
		}
	}
}

// slow takes its time to find out that it believes nothing.
type slow struct{ hooks }

func (slow) Verify(adapters.Delivery) (int, error) {
	time.Sleep(30 * time.Millisecond)
	return -1, errors.New("no")
}

// Nor from how long an answer takes.
func TestRefusalsTakeEquallyLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := receive.New(receive.Options{Now: time.Now, Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), Connections: connection.Set{
			"shop": {Name: "shop", Adapter: &adapters.Adapter{Webhook: hooks{}}}, "slow": {Name: "slow", Adapter: &adapters.Adapter{Webhook: slow{}}}}})
		for _, c := range []struct {
			name, signed string
			want         time.Duration
		}{{"shop", "", 25}, {"shop", sign("other"), 25}, {"nobody", "", 25}, {"nobody", sign("{}"), 25}, {"slow", "", 50}} {
			req := httptest.NewRequest(http.MethodPost, "/webhooks/"+c.name, strings.NewReader("{}"))
			req.SetPathValue("connection", c.name)
			if c.signed != "" {
				req.Header.Set("Stripe-Signature", c.signed)
			}
			began, w := time.Now(), httptest.NewRecorder()
			r.ServeHTTP(w, req)
			if took := time.Since(began); w.Code != http.StatusUnauthorized || took != c.want*time.Millisecond {
				t.Errorf("%s, %q: %d after %s, want 401 after %d ms", c.name, c.signed, w.Code, took, c.want)
			}
		}
	})
}

// Nor from what a flood at one name does to others: those that do not exist are as apart as those that do.
func TestNamesThatDoNotExistShareNothing(t *testing.T) {
	t.Parallel()
	d := newDoor(t, func(_ connection.Set, o *receive.Options) { o.ReadTime = time.Minute })
	d.fill(t, "nobody")
	for _, name := range []string{"shop", "nobody-else"} {
		if status, _, err := d.post(name, large, ""); err != nil || status != http.StatusUnauthorized {
			t.Errorf("%s: %d, %v; want 401", name, status, err)
		}
	}
}

func TestTheAuditNamesTheSecretThatMatched(t *testing.T) {
	t.Parallel()
	d := newDoor(t, func(set connection.Set, _ *receive.Options) {
		set["shop"].Receive.SecretNames = []string{"SHOP_NEW", "SHOP_OLD"}
	})
	d.send(t, "shop", `["a"]`)
	if n := d.count(t, `select count(*) from audit where action = 'verified' and detail = 'signed with SHOP_OLD'`); n != 1 {
		t.Errorf("%d rows of the audit name the secret", n)
	}
}

// polite answers challenges, and acknowledges in words.
type polite struct{ hooks }

func (polite) Handshake(d adapters.Delivery) (adapters.Answer, bool) {
	challenge, isOne := bytes.CutPrefix(d.Body, []byte("challenge:"))
	if d.Method == http.MethodGet {
		challenge, isOne = bytes.CutPrefix([]byte(d.Query), []byte("challenge="))
	}
	return adapters.Answer{Status: http.StatusAccepted, ContentType: "text/plain", Body: challenge}, isOne
}

func (polite) Acknowledge(adapters.Delivery) adapters.Answer {
	return adapters.Answer{ContentType: "application/json", Body: []byte(`{"ok":true}`)}
}

func TestHandshakesAndAcknowledgementsInTheVendorsWords(t *testing.T) {
	t.Parallel()
	d := newDoor(t, func(set connection.Set, _ *receive.Options) {
		set["shop"].Adapter = &adapters.Adapter{Webhook: hooks{}, Handshaker: polite{}, Acknowledger: polite{}}
	})
	status, text, err := d.post("shop", "challenge:abc", "")
	if err != nil || status != http.StatusAccepted || text != "abc" {
		t.Errorf("%d %q, %v", status, text, err)
	}
	for path, want := range map[string]string{"shop?challenge=abc": "202 abc", "shop?x": "401 ", "nobody?challenge=abc": "401 "} {
		resp, err := d.client.Get(d.server.URL + "/webhooks/" + path)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if got := fmt.Sprint(resp.StatusCode, " ", string(text)); got != want {
			t.Errorf("GET %s: %q, want %q", path, got, want)
		}
	}
	if n := d.count(t, `select count(*) from receipts`); n != 0 {
		t.Errorf("a challenge left %d receipts", n)
	}
	r := d.send(t, "shop", `["a"]`)
	if text, _ := io.ReadAll(r.Body); r.StatusCode != 200 || string(text) != `{"ok":true}` || r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s %q", r.Status, text)
	}
	if status, text, err := d.post("shop", `["a"]`, ""); err != nil || status != http.StatusUnauthorized || text != "" {
		t.Errorf("unsigned: %d %q, %v", status, text, err)
	}
}

// numbered sends events with accounts and numbers.
type numbered struct{ hooks }

func (numbered) Split(d adapters.Delivery) ([]adapters.Event, error) {
	var events []adapters.Event
	if err := json.Unmarshal(d.Body, &events); err != nil {
		return nil, err
	}
	for i := range events {
		events[i].Type, events[i].Body = "test", []byte("{}")
	}
	return events, nil
}

func newNumbered(t *testing.T) *door {
	return newDoor(t, func(set connection.Set, _ *receive.Options) {
		set["shop"].Adapter = &adapters.Adapter{Webhook: numbered{}, Account: "ours"}
		set["shop"].Carries = map[model.Kind]connection.Carriage{
			model.Customer: {Pull: adapters.Pull{MaxPage: 10, Changes: true}}, model.Order: {}}
	})
}

func TestEventsOfOtherAccountsAreLeftAlone(t *testing.T) {
	t.Parallel()
	d := newNumbered(t)
	if r := d.send(t, "shop", `[{"Key": "a", "Account": "ours"}, {"Key": "b", "Account": "theirs"}, {"Key": "c"}]`); r.StatusCode != 200 {
		t.Fatal(r.Status)
	}
	if n := d.count(t, `select count(*) from receipts where event_key in ('a', 'c')`); n != 2 || d.count(t, `select count(*) from receipts`) != 2 {
		t.Errorf("%d of ours of %d receipts", n, d.count(t, `select count(*) from receipts`))
	}
}

func TestAGapBetweenNumberedEventsMakesTheHubPull(t *testing.T) {
	t.Parallel()
	d := newNumbered(t)
	lane := store.Lane{Connection: "shop", Kind: model.Customer}
	wanted := func() store.PullMode {
		p, err := d.Store.Pull(t.Context(), lane)
		if err != nil {
			return ""
		}
		return p.Wanted.Mode
	}
	for _, step := range []struct {
		numbers []int
		gap     bool
	}{{[]int{41}, false}, {[]int{42, 43}, false}, {[]int{43}, false}, {[]int{40}, false}, {[]int{40, 44}, false}, {[]int{-45, -46}, false}, {[]int{46, 47}, false}, {[]int{49}, true}} {
		var events []map[string]any
		for _, n := range step.numbers {
			e := map[string]any{"Key": fmt.Sprint(n, step.gap, len(step.numbers)), "Sequence": max(n, -n)}
			if n < 0 {
				e["Account"] = "theirs"
			}
			events = append(events, e)
		}
		body, err := json.Marshal(events)
		if err != nil {
			t.Fatal(err)
		}
		if r := d.send(t, "shop", string(body)); r.StatusCode != 200 {
			t.Fatal(r.Status)
		}
		if got := wanted() == store.Changes; got != step.gap {
			t.Errorf("after %v a pull is wanted: %v, want %v", step.numbers, got, step.gap)
		}
	}
	if n := d.count(t, `select count(*) from pulls`); n != 1 {
		t.Errorf("%d kinds are pulled; only customers can be", n)
	}
}

func TestAGapWithinOneRequest(t *testing.T) {
	t.Parallel()
	d := newNumbered(t)
	d.send(t, "shop", `[{"Key": "a", "Sequence": 5}, {"Key": "b", "Sequence": 7}]`)
	if p, err := d.Store.Pull(t.Context(), store.Lane{Connection: "shop", Kind: model.Customer}); err != nil || p.Wanted.Mode != store.Changes {
		t.Errorf("%+v, %v", p, err)
	}
}
