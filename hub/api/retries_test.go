package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// queue puts a job where the queue would have it.
func (w *world) queue(t *testing.T, queue, kind, args, state, errors string, after int) {
	t.Helper()
	_, err := w.Hub.Store.Pool().Exec(t.Context(), `insert into river_job (queue, kind, args, state, errors, priority, attempt, max_attempts, scheduled_at, attempted_at)
		values ($1, $2, $3::jsonb, $4::text::river_job_state, case when $5 = '' then null else array[jsonb_build_object('error', $5::text)] end, 1, 3, 20, now() + make_interval(mins => $6), now())`,
		queue, kind, args, state, errors, after)
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatWillBeTriedAgainIsListedPageByPage(t *testing.T) {
	t.Parallel()
	w := setup(t)
	record := `{"record_id": "customer_01h455vb4pex5vsknk084sn02%d", "connection": "crm"}`
	w.queue(t, "out-crm", "deliver", fmt.Sprintf(record, 1), "retryable", "500 from the vendor", 9)
	w.queue(t, "out-crm", "deliver", fmt.Sprintf(record, 2), "retryable", "a time-out", 3)
	w.queue(t, "in-crm", "translate", `{"receipt_id": "receipt_1", "connection": "crm"}`, "retryable", "a fetch failed", 5)
	w.queue(t, "out-crm", "deliver", fmt.Sprintf(record, 3), "scheduled", "", 1)
	w.queue(t, "out-crm", "deliver", fmt.Sprintf(record, 4), "running", "", 0)
	w.queue(t, "out-shop", "deliver", fmt.Sprintf(record, 5), "retryable", "of another", 0)
	w.queue(t, "out-crm", "deliver", `{"record_id": "nobody_01h455vb4pex5vsknk084sn029", "connection": "crm"}`, "scheduled", "", 2)

	var got []string
	for token, pages := "", 0; pages == 0 || token != ""; pages++ {
		a := w.get("/v1/connections/crm/retries?pageSize=2&pageToken=" + url.QueryEscape(token))
		if a.code != http.StatusOK || pages > 5 {
			t.Fatalf("%d %s", a.code, a.text)
		}
		all, _ := a.body["retries"].([]any)
		for _, one := range all {
			r := one.(map[string]any)
			if r["attempts"] != float64(3) || r["maxAttempts"] != float64(20) || r["nextAttemptTime"] == nil || r["lastAttemptTime"] == nil || r["createTime"] == nil {
				t.Errorf("it tells %v", r)
			}
			id := strings.TrimPrefix(fmt.Sprint(r["receiptId"], r["recordId"]), "customer_01h455vb4pex5vsknk084sn02")
			got = append(got, strings.ReplaceAll(fmt.Sprint(id, " ", r["reason"]), "<nil>", ""))
		}
		token, _ = a.body["nextPageToken"].(string)
	}
	want := "receipt_1 a fetch failed; customer_01h455vb4pex5vsknk084sn022 a time-out; customer_01h455vb4pex5vsknk084sn021 500 from the vendor; customer_01h455vb4pex5vsknk084sn023 "
	if strings.Join(got, "; ") != want {
		t.Errorf("listed are %q, want %q", strings.Join(got, "; "), want)
	}
	if a := w.get("/v1/connections/nobody/retries"); a.code != http.StatusNotFound {
		t.Errorf("a connection that there is not: %d %s", a.code, a.text)
	}
	for _, token := range []string{"x", "e30", "eyJjIjoiY3JtIiwibCI6OX0"} {
		if a := w.get("/v1/connections/crm/retries?pageToken=" + token); a.code != http.StatusBadRequest {
			t.Errorf("the token %s: %d %s", token, a.code, a.text)
		}
	}
}
