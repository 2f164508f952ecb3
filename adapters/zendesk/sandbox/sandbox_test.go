package sandbox_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters/zendesk/sandbox"
)

// desk is a sandbox with a clock that is moved by hand.
type desk struct {
	*sandbox.Server
	url string
	now time.Time
}

func setup(t *testing.T) *desk {
	t.Helper()
	d := &desk{now: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)}
	d.Server = sandbox.New(sandbox.Options{Token: "t", Secret: "s", AccountID: 1, Now: func() time.Time { return d.now }})
	t.Cleanup(d.Close)
	server := httptest.NewServer(d.Server)
	t.Cleanup(server.Close)
	d.url = server.URL
	return d
}

// call makes an API call with a good token, and gives status, header and body.
func (d *desk) call(t *testing.T, method, path, key, body string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, d.url+"/api/v2/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer t")
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, string(text)
}

func TestAnIdempotencyKeyIsKnownForTwoHours(t *testing.T) {
	t.Parallel()
	d := setup(t)
	create := func(key, subject string) (int, string) {
		status, header, _ := d.call(t, http.MethodPost, "tickets", key, `{"ticket":{"subject":"`+subject+`","comment":{"body":"x"}}}`)
		return status, header.Get("X-Idempotency-Lookup")
	}
	for _, step := range []struct {
		after        time.Duration
		key, subject string
		status       int
		lookup       string
		tickets      int
	}{
		{0, "k", "A", 201, "miss", 1},
		{time.Hour, "k", "A", 201, "hit", 1},
		{0, "k", "B", 400, "", 1},
		{0, "other", "A", 201, "miss", 2},
		{2 * time.Hour, "k", "A", 201, "miss", 3},
	} {
		d.now = d.now.Add(step.after)
		status, lookup := create(step.key, step.subject)
		if n := len(d.Objects("tickets")); status != step.status || lookup != step.lookup || n != step.tickets {
			t.Errorf("%+v: status %d, lookup %q, %d tickets", step, status, lookup, n)
		}
	}
}

func TestHeldEventsComeInAnyOrderAndSomeTwice(t *testing.T) {
	t.Parallel()
	d := setup(t)
	var mu sync.Mutex
	seen := map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var event struct{ ID string }
		if err := json.NewDecoder(r.Body).Decode(&event); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		seen[event.ID]++
	}))
	t.Cleanup(server.Close)
	d.SetWebhookURL(server.URL)
	d.Hold()
	for range 9 {
		if _, err := d.Make("users", map[string]any{"name": "Ada"}); err != nil {
			t.Fatal(err)
		}
	}
	if len(d.Deliveries()) > 0 {
		t.Error("held events were sent")
	}
	d.Release()
	if err := d.Settled(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(seen) != 9 || len(d.Deliveries()) != 12 {
		t.Errorf("%d events in %d requests, want 9 in 12", len(seen), len(d.Deliveries()))
	}
	if status, err := d.Redeliver(0); status != http.StatusOK || err != nil {
		t.Errorf("redelivered: %d, %v", status, err)
	}
	if _, err := d.Redeliver(99); err == nil {
		t.Error("redelivered what was never sent")
	}
}

func TestAnExportIsInTheOrderOfChanges(t *testing.T) {
	t.Parallel()
	d := setup(t)
	first, _ := d.Make("tickets", map[string]any{"subject": "A", "description": "x"})
	if _, err := d.Make("tickets", map[string]any{"subject": "B", "description": "x"}); err != nil {
		t.Fatal(err)
	}
	if err := d.Edit("tickets", first, map[string]any{"subject": "C"}); err != nil {
		t.Fatal(err)
	}
	var page struct {
		Tickets     []struct{ Subject string }
		AfterCursor string `json:"after_cursor"`
		EndOfStream bool   `json:"end_of_stream"`
	}
	var subjects []string
	for query := "start_time=0"; !page.EndOfStream && len(subjects) < 9; query = "cursor=" + page.AfterCursor {
		_, _, body := d.call(t, http.MethodGet, "incremental/tickets/cursor?per_page=1&"+query, "", "")
		if err := json.Unmarshal([]byte(body), &page); err != nil {
			t.Fatal(err)
		}
		for _, one := range page.Tickets {
			subjects = append(subjects, one.Subject)
		}
	}
	if got := strings.Join(subjects, ""); got != "BC" {
		t.Errorf("exported %s, want BC", got)
	}
	if status, _, _ := d.call(t, http.MethodGet, "incremental/tickets/cursor?start_time=1793610000", "", ""); status != http.StatusBadRequest {
		t.Errorf("a start of this minute is answered with %d", status)
	}
}

func TestUsersAreFoundByTheirExternalIDUntilTheyAreDeleted(t *testing.T) {
	t.Parallel()
	d := setup(t)
	id, err := d.Make("users", map[string]any{"name": "Mary", "external_id": "Customer_1"})
	if err != nil {
		t.Fatal(err)
	}
	finds := func(want int) {
		t.Helper()
		if status, _, text := d.call(t, http.MethodGet, "users/search?external_id=customer_1", "", ""); status != 200 || !strings.Contains(text, fmt.Sprintf(`"count":%d`, want)) {
			t.Errorf("search: %d %s, want %d", status, text, want)
		}
	}
	finds(1)
	path := fmt.Sprint("users/", id)
	if status, _, text := d.call(t, http.MethodDelete, path, "", ""); status != 200 || !strings.Contains(text, `"active":false`) {
		t.Errorf("delete: %d %s", status, text)
	}
	finds(0)
	if status, _, text := d.call(t, http.MethodGet, path, "", ""); status != 200 || !strings.Contains(text, `"active":false`) {
		t.Errorf("a deleted user: %d %s", status, text)
	}
	if status, _, _ := d.call(t, http.MethodDelete, path, "", ""); status != 404 {
		t.Errorf("delete once more: %d", status)
	}
}
