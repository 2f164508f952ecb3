package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	hubspot "github.com/canonhub/canonhub/adapters/hubspot/sandbox"
)

// toolUser runs the command-line tool against a town's hub.
type toolUser struct {
	*town
	tool string
}

func newToolUser(t *testing.T, w *town) *toolUser {
	t.Helper()
	o := &toolUser{town: w, tool: filepath.Join(t.TempDir(), "cli")}
	if out, err := exec.Command("go", "build", "-o", o.tool, "../clients/cli").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return o
}

// run runs the tool and returns what it printed.
func (o *toolUser) run(args ...string) (string, error) {
	cmd := exec.Command(o.tool, args...)
	cmd.Env = append(os.Environ(), "CANONHUB_ADDR="+o.grpcAddr)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%w: %s", err, &errs)
	}
	return out.String(), nil
}

func (o *toolUser) must(args ...string) string {
	o.t.Helper()
	out, err := o.run(args...)
	if err != nil {
		o.t.Fatalf("%v: %v", args, err)
	}
	return out
}

// lines runs the tool and reads the JSON messages that it printed.
func (o *toolUser) lines(args ...string) (messages []map[string]any) {
	o.t.Helper()
	for line := range strings.Lines(o.must(append(args, "--output", "json")...)) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			o.t.Fatalf("%v: %q: %v", args, line, err)
		}
		messages = append(messages, m)
	}
	return messages
}

func TestAnOperatorSettlesDeadLettersByTheTool(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	o := newToolUser(t, w)
	w.start()
	for i := range 3 {
		body := fmt.Sprintf(`{"id": "evt_%d", "object": "event", "type": "customer.updated", "created": 1790000000, "data": {}}`, i)
		if err := w.post(http.DefaultClient, []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	w.until("the hub gives up", func() error {
		if n := len(o.lines("dead-letters", "list")); n != 3 {
			return fmt.Errorf("%d dead letters", n)
		}
		return nil
	})
	if table := o.must("dead-letters", "list", "--limit", "2"); strings.Count(table, "stripe") != 2 || !strings.Contains(table, "REASON") || !strings.Contains(table, "there are more") {
		t.Errorf("\n%s", table)
	}
	first := o.lines("dead-letters", "list")[0]
	id := first["id"].(string)
	if shown := o.must("dead-letters", "show", id); !strings.Contains(shown, `"evt_`) || !strings.Contains(shown, "dead-lettered") || !strings.Contains(shown, first["correlationId"].(string)) {
		t.Errorf("\n%s", shown)
	}
	o.must("dead-letters", "redrive", id, "--why", "to see")
	w.until("it dies again", func() error {
		for _, d := range o.lines("dead-letters", "list") {
			if d["redrives"] == 1.0 && d["correlationId"] == first["correlationId"] {
				return nil
			}
		}
		return fmt.Errorf("%v", o.lines("dead-letters", "list"))
	})
	for _, typo := range [][]string{{"--category", "permanant"}, {"--kind", "customers"}} {
		if _, err := o.run(append([]string{"dead-letters", "list"}, typo...)...); err == nil || !strings.Contains(err.Error(), strings.TrimPrefix(typo[0], "--")) {
			t.Errorf("%v: got %v; who mistypes a filter is not to think that there is nothing", typo, err)
		}
	}
	if _, err := o.run("dead-letters", "discard", "--all"); err == nil || !strings.Contains(err.Error(), "--why") {
		t.Errorf("discarded without a reason: %v", err)
	}
	if got := o.lines("dead-letters", "discard", "--connection", "stripe", "--subject", "receipt", "--why", "made up"); len(got) != 1 || got[0]["discarded"] != 3.0 {
		t.Errorf("%v", got)
	}
	if left := o.lines("dead-letters", "list"); len(left) != 0 {
		t.Errorf("%v", left)
	}
}

func TestAnOperatorPausesAndFollowsPullsByTheTool(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	o := newToolUser(t, w)
	if _, err := o.run("connections", "list"); err == nil || !strings.Contains(err.Error(), w.grpcAddr) {
		t.Errorf("without a hub: %v", err)
	}
	w.start()
	o.must("connections", "pause", "crm", "--why", "maintenance there")
	if table := o.must("connections", "list", "--paused"); !strings.Contains(table, "maintenance there") || strings.Count(table, "\n") != 2 {
		t.Errorf("\n%s", table)
	}
	o.must("connections", "resume", "crm")
	if got := o.lines("connections", "list", "--paused"); len(got) != 0 {
		t.Errorf("%v", got)
	}
	if _, err := w.hubspot.Import([]map[string]string{{"firstname": "Ada", "email": "ada@example.com"}}); err != nil {
		t.Fatal(err)
	}
	o.must("pulls", "start", "crm", "customer", "backfill", "--why", "first time")
	w.until("it is read", func() error {
		for _, p := range o.lines("pulls", "list", "crm") {
			if p["backfillTime"] != nil {
				return nil
			}
		}
		return fmt.Errorf("\n%s", o.must("pulls", "list"))
	})
	if table := o.must("pulls", "list"); !strings.Contains(table, "backfill") || !strings.Contains(table, "customer") {
		t.Errorf("\n%s", table)
	}
	if _, err := o.run("pulls", "start", "nowhere", "customer", "backfill"); err == nil || !strings.Contains(err.Error(), "CONNECTION_NOT_FOUND") {
		t.Errorf("%v", err)
	}
}

// An operator sees how much of a run is left while it is under way, and what a reconcile found.
func TestAnOperatorSeesWhatIsLeftOfAPullAndWhatItFound(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.hubspot.SetWebhookURL("") // nothing but pulls
	o := newToolUser(t, w)
	w.start()
	contacts := make([]map[string]string, 150)
	for i := range contacts {
		contacts[i] = map[string]string{"firstname": "Ada", "email": fmt.Sprintf("ada%d@example.com", i)}
	}
	if _, err := w.hubspot.Import(contacts); err != nil {
		t.Fatal(err)
	}
	ended := func() error {
		for _, p := range o.lines("pulls", "list", "crm") {
			if run, _ := p["run"].(map[string]any); run != nil && run["running"] == nil && p["wanted"] == nil {
				return nil
			}
		}
		return fmt.Errorf("\n%s", o.must("pulls", "list"))
	}
	for _, mode := range []string{"backfill", "reconcile"} {
		w.hubspot.Inject(hubspot.Fault{Method: http.MethodGet, PathPrefix: "/crm/objects/2026-03/contacts", Skip: 1, Status: http.StatusInternalServerError}) // the second page
		args := []string{"pulls", "start", "crm", "customer", mode}
		if mode == "reconcile" {
			args = append(args, "--report-only")
		}
		o.must(args...)
		w.until(mode+" is under way", func() error {
			table := o.must("pulls", "list", "crm")
			head, row, _ := strings.Cut(strings.TrimSpace(table), "\n")
			if !strings.Contains(row, mode) || !strings.Contains(row, "100/150 (66%)") || cellOf(head, row, "LEFT") == "-" || cellOf(head, row, "LEFT") == "" {
				return fmt.Errorf("left is %q:\n%s", cellOf(head, row, "LEFT"), table)
			}
			return nil
		})
		w.until(mode+" has ended", ended)
		if table := o.must("pulls", "list", "crm"); strings.Contains(table, "running") {
			t.Errorf("\n%s", table)
		}
		if mode == "backfill" { // what the reconcile is to find
			if _, err := w.hubspot.Import([]map[string]string{{"firstname": "Eve", "email": "eve@example.com"}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	table := o.must("pulls", "findings", "crm", "customer")
	head, row, more := strings.Cut(strings.TrimSpace(table), "\n")
	if !more || strings.Contains(row, "\n") || cellOf(head, row, "FINDING") != "missing_here" || cellOf(head, row, "REPAIRED") != "no" {
		t.Errorf("\n%s", table)
	}
	if found := o.lines("pulls", "findings", "crm", "customer"); len(found) != 1 || found[0]["externalId"] != cellOf(head, row, "EXTERNAL ID") || found[0]["externalId"] == "" {
		t.Errorf("%v", found)
	}
}

// cellOf is what stands in a table's row below a heading.
func cellOf(head, row, heading string) string {
	at := strings.Index(head, heading)
	if at < 0 || at >= len(row) {
		return ""
	}
	cell, _, _ := strings.Cut(row[at:], "  ")
	return strings.TrimSpace(cell)
}

func TestAnOperatorSeesWhatIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.backoff = 20 * time.Second // the next attempt is a while off
	o := newToolUser(t, w)
	w.start()
	if table := o.must("retries", "list", "crm"); strings.Contains(table, "customer_") {
		t.Errorf("\n%s", table)
	}
	w.hubspot.Inject(hubspot.Fault{Write: true, Times: 3, Status: http.StatusInternalServerError})
	if err := w.callStripe("/v1/customers", url.Values{"name": {"Ada"}, "email": {"ada@example.com"}}); err != nil {
		t.Fatal(err)
	}
	var row map[string]any
	w.until("it is to be tried again", func() error {
		all := o.lines("retries", "list", "crm")
		if len(all) != 1 || all[0]["reason"] == nil {
			return fmt.Errorf("%v", all)
		}
		row = all[0]
		return nil
	})
	table := o.must("retries", "list", "crm")
	if record, _ := row["recordId"].(string); !strings.HasPrefix(record, "customer_") || row["attempts"] == nil || row["nextAttemptTime"] == nil ||
		!strings.Contains(table, record) || !strings.Contains(table, fmt.Sprintf("%v of %v", row["attempts"], row["maxAttempts"])) || !strings.Contains(table, "500") {
		t.Errorf("%v\n%s", row, table)
	}
	if _, err := o.run("retries", "list", "nowhere"); err == nil || !strings.Contains(err.Error(), "CONNECTION_NOT_FOUND") {
		t.Errorf("%v", err)
	}
}

func TestAnOperatorBeginsAGrantByTheTool(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.granted()
	o := newToolUser(t, w)
	w.start()
	table := o.must("connections", "authorize", "desk")
	_, page, _ := strings.Cut(strings.TrimSpace(table), "\n")
	at, err := url.Parse(strings.TrimSpace(page))
	if err != nil || at.Path != "/oauth/authorizations/new" || at.Query().Get("state") == "" || at.Query().Get("code_challenge") == "" {
		t.Fatalf("%v\n%s", err, table)
	}
	resp, err := http.Get(at.Query().Get("redirect_uri") + "?code=c0de&state=" + url.QueryEscape(at.Query().Get("state")))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("the person is told %s", resp.Status)
	}
	if got := o.lines("connections", "authorize", "desk"); len(got) != 1 || !strings.Contains(fmt.Sprint(got[0]["url"]), "/oauth/authorizations/new") {
		t.Errorf("%v", got)
	}
	if _, err := o.run("connections", "authorize", "crm"); err == nil || !strings.Contains(err.Error(), "oauth") {
		t.Errorf("a connection without oauth: %v", err)
	}
}
