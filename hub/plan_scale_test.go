package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/canonhub/canonhub/hub/hubtest"
)

// planned is how many records TestPlanHoldsLittle plans over.
var planned = flag.Int("planned", 2000, "how many records TestPlanHoldsLittle plans over")

// TestPlanHoldsLittle plans in a process of its own, and looks at what that needed.
func TestPlanHoldsLittle(t *testing.T) {
	t.Parallel()
	shop, crm := hubtest.NewVendor(), hubtest.NewVendor()
	h := hubtest.New(t, hubtest.Options{Vendors: map[string]*hubtest.Vendor{"stripe": shop, "crm": crm}, Policies: hubtest.Preferring("stripe", "crm")})
	const originals = 100
	for i := range originals {
		email := fmt.Sprintf("ada%d@example.com", i)
		h.Observe("stripe", shop.Edit(hubtest.ID("s", i), hubtest.Named(fmt.Sprintf("Ada %d", i), email)))
		h.Observe("crm", crm.Edit(hubtest.ID("c", i), hubtest.Named(fmt.Sprintf("Countess %d", i), email)))
	}
	h.Work()
	h.Agree()
	multiply(t, h, *planned/originals)

	config := filepath.Join(t.TempDir(), "canonhub.yaml")
	text := strings.Replace(fmt.Sprintf(townConfig, "http://127.0.0.1:1", "http://127.0.0.1:1", "127.0.0.1:1"), "prefer: [stripe, crm]", "prefer: [crm, stripe]", 1)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "plan", "--config", config, "--database-url", h.Store.Pool().Config().ConnString())
	cmd.Env = append(os.Environ(), asMain+"=1", "STRIPE_KEY=x", "STRIPE_SECRET=x", "HUBSPOT_TOKEN=x", "HUBSPOT_SECRET=x")
	start := time.Now()
	out, err := cmd.CombinedOutput()
	took := time.Since(start)
	n := *planned / originals * originals
	if want := fmt.Sprintf("customer: %d records, %d would change", n, n); err != nil || !strings.Contains(string(out), want) {
		t.Fatalf("%v: the plan lacks %q:\n%s", err, want, out)
	}
	rss := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss >> 10
	if rss > 200 {
		t.Errorf("the plan needed %d MiB, want 200 at most", rss)
	}
	t.Logf("%d records in %s, %s of them computing: %.0f a second, %d MiB at most", n, took.Round(time.Millisecond),
		cmd.ProcessState.UserTime().Round(time.Millisecond), float64(n)/took.Seconds(), rss)
}

// multiply copies all records and what belongs to them until there are times as many.
func multiply(t *testing.T, h *hubtest.Hub, times int) {
	t.Helper()
	const copied = `'customer_' || lpad((n * 1000 + original.at)::text, 26, '0')`
	for _, sql := range []string{
		`create table originals as select id, row_number() over (order by id) as at from records`,
		`insert into records (id, kind, revision, message, provenance, policy_version, creator, placeholder)
			select ` + copied + `, r.kind, r.revision, r.message, r.provenance, r.policy_version, r.creator, r.placeholder
			from generate_series(1, $1) as n, originals original join records r on r.id = original.id order by 1`,
		`insert into links (connection, kind, external_id, record_id, state, is_primary, epoch)
			select l.connection, l.kind, l.external_id || '/' || n, ` + copied + `, l.state, l.is_primary, l.epoch
			from generate_series(1, $1) as n, originals original join links l on l.record_id = original.id`,
		`insert into views (record_id, source, external_id, state, raw, mapping_version)
			select ` + copied + `, v.source, v.external_id || '/' || n, v.state, v.raw, v.mapping_version
			from generate_series(1, $1) as n, originals original join views v on v.record_id = original.id`,
		`insert into deliveries (record_id, connection, kind, state, revision, correlation_id, traceparent)
			select ` + copied + `, d.connection, d.kind, d.state, d.revision, d.correlation_id, d.traceparent
			from generate_series(1, $1) as n, originals original join deliveries d on d.record_id = original.id`,
		`insert into match_keys (kind, attribute, value, record_id)
			select m.kind, m.attribute, m.value || '/' || n, ` + copied + `
			from generate_series(1, $1) as n, originals original join match_keys m on m.record_id = original.id`,
		`drop table originals`,
		`analyze`,
	} {
		var args []any
		if strings.Contains(sql, "$1") {
			args = append(args, times-1)
		}
		if _, err := h.Store.Pool().Exec(t.Context(), sql, args...); err != nil {
			t.Fatalf("%.40s: %v", sql, err)
		}
	}
}
