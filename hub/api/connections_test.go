package api_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/api"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

func (w *world) connections() hubv1.ConnectionServiceClient {
	return hubv1.NewConnectionServiceClient(w.conn)
}

// phase activates the policy with a phase for the crm, and folds all records anew.
func (w *world) phase(phase string) {
	w.t.Helper()
	phases := map[string]string{}
	if phase != "live" {
		phases["crm"] = phase
	}
	_, err := w.Store.ActivatePolicy(w.t.Context(), store.Policy{Config: hubtest.Preferring("shop", "crm"), Phases: phases})
	must(w.t, err)
	must(w.t, w.Applier.Reload(w.t.Context()))
	must(w.t, w.Applier.Refold(w.t.Context()))
}

// shadowed is a crm in a phase, with two of the shop's four customers: one differs in its phone number, one agrees.
func (w *world) shadowed(phase string) {
	w.t.Helper()
	w.phase(phase)
	for i := range 4 {
		w.Observe("shop", w.shop.Edit(hubtest.ID("s", i), func(c *canonicalv1.Customer) {
			hubtest.Named(fmt.Sprintf("N%d", i), fmt.Sprintf("n%d@example.com", i))(c)
			hubtest.Phone("+493011111" + fmt.Sprint(i))(c)
		}))
	}
	for i := range 2 {
		w.Observe("crm", w.crm.Edit(hubtest.ID("c", i), func(c *canonicalv1.Customer) {
			hubtest.Named(fmt.Sprintf("N%d", i), fmt.Sprintf("n%d@example.com", i))(c)
			hubtest.Phone("+4930111111")(c)
		}))
	}
}

// diffs reads all pages and tells each Diff in a line.
func (w *world) diffs(size int32) []string {
	w.t.Helper()
	var lines []string
	in := &hubv1.ListDiffsRequest{Connection: "crm", Kind: "customer", PageSize: size}
	for pages := 0; ; pages++ {
		page, err := w.connections().ListDiffs(w.t.Context(), in)
		must(w.t, err)
		for _, d := range page.GetDiffs() {
			var parts []string
			for _, a := range d.GetAttributes() {
				parts = append(parts, fmt.Sprintf("%s %v -> %v", a.GetPath(), a.GetHeld().AsInterface(), a.GetValue().AsInterface()))
			}
			lines = append(lines, fmt.Sprintf("%s: %s", d.GetExternalId(), strings.Join(parts, ", ")))
			if d.GetRecordId() == "" {
				w.t.Errorf("a Diff names no record: %v", d)
			}
		}
		if in.PageToken = page.GetNextPageToken(); in.PageToken == "" {
			return lines
		}
		if pages > 20 {
			w.t.Fatal("the pages have no end")
		}
	}
}

func TestAShadowsDiffsAreReadAndNothingIsPushedUntilItIsLive(t *testing.T) {
	t.Parallel()
	for _, phase := range []string{"linking", "shadow"} {
		t.Run(phase, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			w.shadowed(phase)
			w.Work()
			want := []string{
				"c0: phone +4930111111 -> +4930111110",
				": name <nil> -> map[full:N2], email <nil> -> n2@example.com, phone <nil> -> +4930111112",
				": name <nil> -> map[full:N3], email <nil> -> n3@example.com, phone <nil> -> +4930111113",
			}
			for _, size := range []int32{1, 2, 3, 0} {
				if got := w.diffs(size); !slices.Equal(got, want) {
					t.Errorf("in pages of %d the Diffs are\n%s\nwant\n%s", size, strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
			}
			var deliveries int
			must(t, w.Store.Pool().QueryRow(t.Context(), `select count(*) from deliveries where connection = 'crm'`).Scan(&deliveries))
			if deliveries != 0 || w.crm.Pushes() != 0 {
				t.Errorf("%d deliveries and %d pushes to a connection that is not live", deliveries, w.crm.Pushes())
			}
			id := w.Observe("shop", w.shop.Edit("s0", func(*canonicalv1.Customer) {})).RecordID
			for _, target := range w.explain(id).GetTargets() {
				if target.GetConnection() == "crm" && (target.GetState() != hubv1.TargetState_TARGET_STATE_NOT_LIVE || !slices.Equal(target.GetOwedPaths(), []string{"phone"})) {
					t.Errorf("Explain says %v", target)
				}
			}
			w.phase("live")
			w.Agree()
			if got := w.diffs(0); len(got) > 0 || len(w.crm.Customers()) != 4 || w.crm.Customer("c0").GetPhone() != "+4930111110" {
				t.Errorf("live, these Diffs are left: %v; the crm has %s", got, w.crm)
			}
		})
	}
}

// What was owed while a connection was live is not pushed once it is not.
func TestAConnectionThatIsTakenBackToShadowIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.shadowed("live")
	w.phase("shadow")
	w.Work()
	w.Until("the deliveries have ended", func() bool {
		c, err := w.connections().GetConnection(t.Context(), &hubv1.GetConnectionRequest{Name: "crm"})
		must(t, err)
		return c.GetDeliveries().GetOwed() == 0
	})
	if w.crm.Pushes() != 0 || len(w.diffs(0)) != 3 {
		t.Errorf("%d pushes; the Diffs are %v", w.crm.Pushes(), w.diffs(0))
	}
}

func TestConnectionsTellHowTheyStand(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.shadowed("shadow")
	w.phase("live") // three deliveries are owed, and no queue works
	must(t, w.Store.InTx(t.Context(), func(tx *store.Tx) error {
		tx.PutBrake(&store.Brake{BrakeKey: store.BrakeKey{Connection: "crm", Kind: model.Customer, Attribute: "phone"}, BrakedAt: w.Applier.Now(), Window: 3600e9})
		return nil
	}))
	list, err := w.connections().ListConnections(t.Context(), &hubv1.ListConnectionsRequest{})
	must(t, err)
	if len(list.GetConnections()) != 2 || list.GetConnections()[0].GetName() != "crm" || list.GetConnections()[1].GetName() != "shop" {
		t.Fatalf("the connections are %v", list)
	}
	crm := list.GetConnections()[0]
	if crm.GetPhase() != hubv1.ConnectionPhase_CONNECTION_PHASE_LIVE || crm.GetAdapter() != "memory" || crm.GetPause() != nil || crm.GetDeliveries().GetOwed() != 3 ||
		len(crm.GetLinks()) != 1 || crm.GetLinks()[0].GetLive() != 2 || len(crm.GetBrakes()) != 1 || crm.GetBrakes()[0].GetPath() != "phone" {
		t.Errorf("the crm is %v", crm)
	}
	w.phase("linking")
	a := w.get("/v1/connections/crm")
	if a.code != 200 || a.body["phase"] != "CONNECTION_PHASE_LINKING" {
		t.Errorf("REST: %d %s", a.code, a.text)
	}
	if a := w.get("/v1/connections/nosuch"); a.code != 404 || a.reason() != "CONNECTION_NOT_FOUND" {
		t.Errorf("REST: %d %s", a.code, a.text)
	}
}

func TestAnOperatorsPauseStandsUntilItIsResumed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx := t.Context()
	c, err := w.connections().PauseConnection(ctx, &hubv1.PauseConnectionRequest{Name: "crm", Reason: "they migrate"})
	must(t, err)
	if c.GetPause().GetReason() != "they migrate" || c.GetPause().GetPausedBy() != "loopback" || c.GetPause().GetPauseTime() == nil {
		t.Errorf("paused, it is %v", c)
	}
	w.Work()
	w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com")))
	w.sweep() // its probe works, but the hub resumes only what it paused
	if c, err := w.connections().GetConnection(ctx, &hubv1.GetConnectionRequest{Name: "crm"}); err != nil || c.GetPause() == nil || w.crm.Pushes() > 0 {
		t.Errorf("after a sweep it is %v (%v), with %d pushes", c, err, w.crm.Pushes())
	}
	c, err = w.connections().ResumeConnection(ctx, &hubv1.ResumeConnectionRequest{Name: "crm", Reason: "done"})
	must(t, err)
	if c.GetPause() != nil {
		t.Errorf("resumed, it is %v", c)
	}
	w.Agree()
	var trail string
	must(t, w.Store.Pool().QueryRow(ctx, `select string_agg(action || ' ' || actor || ' ' || detail, '; ' order by id) from audit where connection = 'crm' and actor <> ''`).Scan(&trail))
	if trail != "paused loopback they migrate; resumed loopback done" {
		t.Errorf("the audit says %q", trail)
	}
	if _, err := w.connections().PauseConnection(ctx, &hubv1.PauseConnectionRequest{Name: "nosuch", Reason: "x"}); status.Code(err) != codes.NotFound {
		t.Errorf("a connection that is not configured: %v", err)
	}
	if _, err := w.connections().PauseConnection(ctx, &hubv1.PauseConnectionRequest{Name: "crm"}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("without a reason: %v", err)
	}
}

// A vendor that refuses the credentials pauses its connection. An operator who knows better resumes it: what waited goes
// on, without a try used up; where they are refused still, it is paused anew.
func TestAPauseForRefusedCredentialsIsResumedByHand(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var refuses atomic.Bool
	refuses.Store(true)
	w.crm.BeforePush = func(adapters.Request) error {
		if refuses.Load() {
			return &fault.Error{Category: fault.Auth, Op: "push", Status: 401, Message: "the token was revoked"}
		}
		return nil
	}
	w.crm.Probed = func(context.Context) error { return &fault.Error{Category: fault.Auth, Op: "probe", Status: 401} } // by which alone the hub would resume
	w.Work()
	w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com")))
	paused := func() bool {
		pause, _ := w.get("/v1/connections/crm").body["pause"].(map[string]any)
		return pause != nil && strings.Contains(fmt.Sprint(pause["reason"]), "the token was revoked") && pause["pausedBy"] == nil
	}
	w.Until("it is paused", paused)
	w.sweep()
	if !paused() {
		t.Fatal("its probe is refused, and it is resumed")
	}
	pauses := func() int {
		return w.tally(`select count(*) from audit where action = 'paused' and connection = 'crm'`)
	}
	for _, refused := range []bool{true, false} {
		before := pauses()
		refuses.Store(refused)
		if a := w.post("/v1/connections/crm:resume", `{"reason": "they say it works"}`); a.code != 200 || a.body["pause"] != nil {
			t.Fatalf("%d %s", a.code, a.text)
		}
		if refused {
			w.Until("it is paused anew", func() bool { return paused() && pauses() == before+1 })
		}
	}
	w.Agree()
	if n := w.tally(`select count(*) from audit where action = 'resumed' and actor = 'loopback' and detail = 'they say it works'`); n != 2 || len(w.letters("")) != 0 || w.crm.Pushes() != 1 {
		t.Errorf("%d resumed; %d pushes came through; dead letters %v", n, w.crm.Pushes(), w.letters(""))
	}
}

func TestDiffsAreForThoseWhoMayReadTheKindAndPausesForOperators(t *testing.T) {
	t.Parallel()
	w := &world{t: t, shop: hubtest.NewVendor(), crm: hubtest.NewVendor()}
	w.Hub = hubtest.New(t, hubtest.Options{Vendors: map[string]*hubtest.Vendor{"shop": w.shop, "crm": w.crm}, Policies: hubtest.Preferring("shop", "crm")})
	key := func(name string) [][32]byte { return [][32]byte{sha256.Sum256([]byte(name))} }
	w.open(api.Options{Store: w.Store, Applier: w.Applier, Gate: w.Gate, Callers: []api.Caller{
		{Name: "reader", KeySHA256: key("reader"), MayWrite: map[model.Kind]bool{model.Customer: false}},
		{Name: "other", KeySHA256: key("other"), MayWrite: map[model.Kind]bool{model.Order: true}},
		{Name: "ops", KeySHA256: key("ops"), MayOperate: true},
	}})
	w.shadowed("shadow")
	for caller, may := range map[string]struct{ list, links, diffs, pause bool }{
		"reader": {true, true, true, false},
		"other":  {true, false, false, false},
		"ops":    {true, false, false, true},
	} {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+caller)
		list, err := w.connections().ListConnections(ctx, &hubv1.ListConnectionsRequest{})
		if (err == nil) != may.list || may.links != (len(list.GetConnections()[0].GetLinks()) > 0) {
			t.Errorf("%s lists %v (%v)", caller, list, err)
		}
		if _, err := w.connections().ListDiffs(ctx, &hubv1.ListDiffsRequest{Connection: "crm", Kind: "customer"}); (err == nil) != may.diffs || err != nil && status.Code(err) != codes.PermissionDenied {
			t.Errorf("%s reads Diffs: %v", caller, err)
		}
		c, err := w.connections().PauseConnection(ctx, &hubv1.PauseConnectionRequest{Name: "crm", Reason: "x"})
		if (err == nil) != may.pause || err != nil && status.Code(err) != codes.PermissionDenied || err == nil && c.GetPause().GetPausedBy() != caller {
			t.Errorf("%s pauses: %v (%v)", caller, c, err)
		}
	}
}

func TestDiffsRefuseTokensOfOtherLists(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.shadowed("shadow")
	ctx := t.Context()
	first, err := w.connections().ListDiffs(ctx, &hubv1.ListDiffsRequest{Connection: "crm", Kind: "customer", PageSize: 1})
	must(t, err)
	for name, in := range map[string]*hubv1.ListDiffsRequest{
		"of another connection": {Connection: "shop", Kind: "customer", PageToken: first.GetNextPageToken()},
		"of another kind":       {Connection: "crm", Kind: "order", PageToken: first.GetNextPageToken()},
		"of nobody":             {Connection: "crm", Kind: "customer", PageToken: "e30"},
		"of no form":            {Connection: "crm", Kind: "customer", PageToken: "!"},
	} {
		if _, err := w.connections().ListDiffs(ctx, in); info(err).GetReason() != "INVALID_PAGE_TOKEN" {
			t.Errorf("a token %s: %v", name, err)
		}
	}
	if _, err := w.connections().ListDiffs(ctx, &hubv1.ListDiffsRequest{Connection: "crm", Kind: "invoice"}); err != nil {
		t.Errorf("a kind that is not brought there: %v", err)
	}
	if _, err := w.connections().ListDiffs(ctx, &hubv1.ListDiffsRequest{Connection: "nosuch", Kind: "customer"}); status.Code(err) != codes.NotFound {
		t.Errorf("a connection that is not configured: %v", err)
	}
	if a := w.get("/v1/connections/crm/diffs?kind=customer&page_size=1"); a.code != 200 || !strings.Contains(a.text, `"held":"+4930111111"`) {
		t.Errorf("REST: %d %s", a.code, a.text)
	}
}
