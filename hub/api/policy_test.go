package api_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/api"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// preferring is a request's policy in which sources are heard in an order.
func preferring(sources ...string) *hubv1.PolicyContent {
	return &hubv1.PolicyContent{Policies: hubtest.Preferring(sources...)}
}

// differing puts n customers into the shop and the crm under different names.
func (w *world) differing(n int) {
	w.t.Helper()
	for i := range n {
		email := fmt.Sprintf("ada%d@example.com", i)
		w.Observe("shop", w.shop.Edit(hubtest.ID("s", i), hubtest.Named("Ada", email)))
		w.Observe("crm", w.crm.Edit(hubtest.ID("c", i), hubtest.Named("Ada L", email)))
	}
}

// plan asks for a plan and reads its stream to the end.
func (w *world) plan(ctx context.Context, in *hubv1.PlanPolicyRequest) (report *hubv1.PlanReport, progress []*hubv1.PlanProgress, err error) {
	w.t.Helper()
	stream, err := hubv1.NewPolicyServiceClient(w.conn).PlanPolicy(ctx, in)
	must(w.t, err)
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return report, progress, nil
		}
		if err != nil {
			return nil, nil, err
		}
		if m.GetProgress() != nil {
			progress = append(progress, m.GetProgress())
		}
		report = m.GetReport()
	}
}

func TestAPolicyIsPlannedActivatedAndTakenBack(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.differing(3)
	ctx, policies := t.Context(), hubv1.NewPolicyServiceClient(w.conn)
	first, err := policies.GetPolicy(ctx, &hubv1.GetPolicyRequest{})
	must(t, err)
	if !first.GetVersion().GetActive() || len(first.GetContent().GetPolicies()["customer"].GetTargets()) != 2 {
		t.Fatalf("the active policy: %v", first)
	}

	next := preferring("crm", "shop")
	report, progress, err := w.plan(ctx, &hubv1.PlanPolicyRequest{Policy: &hubv1.PlanPolicyRequest_Content{Content: next}, Samples: 2})
	must(t, err)
	k := report.GetKinds()[0]
	if len(report.GetKinds()) != 1 || k.GetKind() != "customer" || k.GetRecords() != 3 || k.GetChanged() != 3 || k.GetAttributes()["name"] != 3 ||
		len(k.GetSamples()) != 2 || k.GetTargets()["shop"].GetUpdated() != 3 || report.GetActiveVersion() != first.GetVersion().GetVersion() {
		t.Errorf("the report: %v", report)
	}
	if s := k.GetSamples()[0]; s.GetBefore().GetSource() != "shop" || s.GetAfter().GetSource() != "crm" || s.GetAfter().GetRule().GetMode() != "prefer" ||
		s.GetAfter().GetValue().GetStructValue().GetFields()["full"].GetStringValue() != "Ada L" {
		t.Errorf("a sample: %v", s)
	}
	if last := progress[len(progress)-1]; last.GetDone() != 3 || last.GetTotal() != 3 {
		t.Errorf("the last progress: %v", last)
	}

	second, err := policies.ActivatePolicy(ctx, &hubv1.ActivatePolicyRequest{Policy: &hubv1.ActivatePolicyRequest_Content{Content: next},
		PlanDigest: report.GetPlanDigest(), Comment: "the crm knows names better"})
	must(t, err)
	if !second.GetActive() || second.GetVersion() <= first.GetVersion().GetVersion() || second.GetComment() == "" || second.GetActivatedBy() != "operator" ||
		second.GetActivateTime() == nil || second.GetRepeatsVersion() != 0 {
		t.Errorf("activated: %v", second)
	}
	w.Work()
	w.Until("the records are folded by it", func() bool {
		list, err := w.customers.ListCustomers(ctx, &hubv1.ListCustomersRequest{})
		must(t, err)
		for _, c := range list.GetCustomers() {
			if c.GetCustomer().GetName().GetFull() != "Ada L" {
				return false
			}
		}
		return len(list.GetCustomers()) == 3
	})

	again := &hubv1.ActivatePolicyRequest{Policy: &hubv1.ActivatePolicyRequest_Version{Version: first.GetVersion().GetVersion()}}
	third, err := policies.ActivatePolicy(ctx, again)
	must(t, err)
	if third.GetVersion() <= second.GetVersion() || third.GetRepeatsVersion() != first.GetVersion().GetVersion() || third.GetDigest() != first.GetVersion().GetDigest() {
		t.Errorf("taken back: %v", third)
	}
	var versions []*hubv1.PolicyVersion
	page := &hubv1.ListPolicyVersionsRequest{PageSize: 2}
	for {
		got, err := policies.ListPolicyVersions(ctx, page)
		must(t, err)
		versions = append(versions, got.GetVersions()...)
		if page.PageToken = got.GetNextPageToken(); page.PageToken == "" {
			break
		}
	}
	if len(versions) != 3 || !versions[0].GetActive() || versions[1].GetActive() || versions[2].GetActive() || versions[1].GetComment() != second.GetComment() {
		t.Errorf("the versions: %v", versions)
	}
}

func TestAPlanThatDoesNotHoldActivatesNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx, policies := t.Context(), hubv1.NewPolicyServiceClient(w.conn)
	report, _, err := w.plan(ctx, &hubv1.PlanPolicyRequest{Policy: &hubv1.PlanPolicyRequest_Content{Content: preferring("crm", "shop")}})
	must(t, err)
	activate := func(content *hubv1.PolicyContent, digest string) error {
		_, err := policies.ActivatePolicy(ctx, &hubv1.ActivatePolicyRequest{Policy: &hubv1.ActivatePolicyRequest_Content{Content: content}, PlanDigest: digest})
		return err
	}
	outdated := func(what string, err error) {
		t.Helper()
		if status.Code(err) != codes.FailedPrecondition || info(err).GetReason() != "PLAN_OUTDATED" {
			t.Errorf("%s: %v", what, err)
		}
	}
	outdated("another policy than the planned one", activate(preferring("crm"), report.GetPlanDigest()))
	must(t, activate(preferring("shop"), ""))
	outdated("another version is active by now", activate(preferring("crm", "shop"), report.GetPlanDigest()))
	active, err := w.Store.ActivePolicy(ctx)
	must(t, err)
	if len(active.Config["customer"].GetTargets()) != 1 {
		t.Errorf("the active policy is %v", active.Config)
	}
}

func TestWhatIsNoPolicyIsRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	broken := preferring("shop")
	broken.Policies["customer"].Attributes = map[string]*configv1.Rule{"*": {Prefer: []string{"shop"}}, "emial": {Authority: "crm"}}
	twoModes := preferring("shop")
	twoModes.Policies["customer"].Attributes["*"].Authority = "crm"
	for name, c := range map[string]struct {
		in     *hubv1.PlanPolicyRequest
		reason string
		text   string
	}{
		"nothing":        {&hubv1.PlanPolicyRequest{}, "INVALID_REQUEST", "policy"},
		"no such path":   {&hubv1.PlanPolicyRequest{Policy: &hubv1.PlanPolicyRequest_Content{Content: broken}}, "INVALID_REQUEST", "emial"},
		"a broken rule":  {&hubv1.PlanPolicyRequest{Policy: &hubv1.PlanPolicyRequest_Content{Content: twoModes}}, "INVALID_REQUEST", "exactly one of authority"},
		"no version":     {&hubv1.PlanPolicyRequest{Policy: &hubv1.PlanPolicyRequest_Version{Version: 99}}, "POLICY_NOT_FOUND", "version"},
		"a great sample": {&hubv1.PlanPolicyRequest{Policy: &hubv1.PlanPolicyRequest_Version{Version: 1}, Samples: 101}, "INVALID_REQUEST", "samples"},
	} {
		_, _, err := w.plan(t.Context(), c.in)
		if info(err).GetReason() != c.reason || !strings.Contains(status.Convert(err).Message(), c.text) {
			t.Errorf("%s: %v", name, err)
		}
	}
	policies := hubv1.NewPolicyServiceClient(w.conn)
	if _, err := policies.GetPolicy(t.Context(), &hubv1.GetPolicyRequest{Version: 99}); info(err).GetReason() != "POLICY_NOT_FOUND" {
		t.Errorf("a version that is none: %v", err)
	}
	for _, token := range []string{"x", "cG9saWN5Ly0x", "cG9saWN5L3g"} {
		if _, err := policies.ListPolicyVersions(t.Context(), &hubv1.ListPolicyVersionsRequest{PageToken: token}); info(err).GetReason() != "INVALID_PAGE_TOKEN" {
			t.Errorf("the page token %s: %v", token, err)
		}
	}
}

func TestPolicyOverREST(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.differing(2)
	if a := w.get("/v1/policy"); a.code != 200 || a.body["version"].(map[string]any)["active"] != true {
		t.Errorf("the policy: %d %s", a.code, a.text)
	}
	if a := w.get("/v1/policies?page_size=1"); a.code != 200 || len(a.body["versions"].([]any)) != 1 {
		t.Errorf("the versions: %d %s", a.code, a.text)
	}
	if a := w.get("/v1/policy?sample=1"); a.code != 400 {
		t.Errorf("a parameter that is none: %d %s", a.code, a.text)
	}
	const content = `{"policies": {"customer": {"attributes": {"*": {"prefer": ["crm", "shop"]}}}}}`
	response, err := http.Post(w.rest+"/v1/policy:plan", "application/json", strings.NewReader(`{"samples": 1, "content": `+content+`}`))
	must(t, err)
	defer response.Body.Close()
	var last string
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		last = strings.ReplaceAll(lines.Text(), " ", "")
		if !json.Valid(lines.Bytes()) {
			t.Errorf("a line of the stream is no JSON: %s", last)
		}
	}
	digest, _, _ := strings.Cut(last[strings.Index(last, `"planDigest":"`)+len(`"planDigest":"`):], `"`)
	if response.StatusCode != 200 || !strings.Contains(last, `"changed":"2"`) || len(digest) != 32 {
		t.Fatalf("the plan: %d %s", response.StatusCode, last)
	}
	activate, err := http.Post(w.rest+"/v1/policy:activate", "application/json", strings.NewReader(`{"planDigest": "`+digest+`", "content": `+content+`}`))
	must(t, err)
	defer activate.Body.Close()
	body, err := io.ReadAll(activate.Body)
	must(t, err)
	if activate.StatusCode != 200 || !strings.Contains(strings.ReplaceAll(string(body), " ", ""), `"active":true`) {
		t.Errorf("activated: %d %s", activate.StatusCode, body)
	}
}

func TestWhoMayChangeThePolicy(t *testing.T) {
	t.Parallel()
	w := &world{t: t, shop: hubtest.NewVendor(), crm: hubtest.NewVendor()}
	w.Hub = hubtest.New(t, hubtest.Options{Vendors: map[string]*hubtest.Vendor{"shop": w.shop, "crm": w.crm}, Policies: hubtest.Preferring("shop", "crm")})
	key := func(text string) [][32]byte { return [][32]byte{sha256.Sum256([]byte(text))} }
	w.open(api.Options{Store: w.Store, Applier: w.Applier, Callers: []api.Caller{
		{Name: "billing", KeySHA256: key("billing"), MayWrite: map[model.Kind]bool{model.Customer: true}},
		{Name: "ops", KeySHA256: key("ops"), MayOperate: true},
		{Name: "boss", KeySHA256: key("boss"), MayOperate: true, MayWrite: map[model.Kind]bool{model.Customer: false}},
	}})
	w.differing(1)
	policies := hubv1.NewPolicyServiceClient(w.conn)
	as := func(name string) context.Context {
		return metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+name)
	}
	request := &hubv1.PlanPolicyRequest{Policy: &hubv1.PlanPolicyRequest_Content{Content: preferring("crm", "shop")}, Samples: 5}
	for name, samples := range map[string]int{"ops": 0, "boss": 1} {
		report, _, err := w.plan(as(name), request)
		must(t, err)
		if k := report.GetKinds()[0]; k.GetChanged() != 1 || len(k.GetSamples()) != samples {
			t.Errorf("%s is shown %v, want %d samples", name, k, samples)
		}
	}
	if _, _, err := w.plan(as("billing"), request); status.Code(err) != codes.PermissionDenied || info(err).GetReason() != "NOT_ALLOWED" {
		t.Errorf("billing plans: %v", err)
	}
	activate := &hubv1.ActivatePolicyRequest{Policy: &hubv1.ActivatePolicyRequest_Content{Content: preferring("crm", "shop")}}
	if _, err := policies.ActivatePolicy(as("billing"), activate); status.Code(err) != codes.PermissionDenied {
		t.Errorf("billing activates: %v", err)
	}
	if got, err := policies.ActivatePolicy(as("ops"), activate); err != nil || got.GetActivatedBy() != "ops" {
		t.Errorf("ops activates: %v %v", got, err)
	}
	if _, err := policies.GetPolicy(as("billing"), &hubv1.GetPolicyRequest{}); err != nil {
		t.Errorf("billing reads: %v", err)
	}
	if _, err := policies.GetPolicy(t.Context(), &hubv1.GetPolicyRequest{}); status.Code(err) != codes.Unauthenticated {
		t.Errorf("nobody reads: %v", err)
	}
}

func TestExplainTellsTheLineOfTheRule(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := w.Observe("shop", w.shop.Edit("s1", func(c *canonicalv1.Customer) { hubtest.Named("Ada", "ada@example.com")(c) })).RecordID
	if rule := attribute(t, w.explain(id), "email").GetRule(); rule.GetLine() != 0 || rule.GetFile() != "" {
		t.Errorf("a policy from no file: %v", rule)
	}
	p := store.Policy{Config: mixed(), PolicyOrigin: store.PolicyOrigin{File: "hub.yaml", Lines: map[string]int{"customer/attributes/email": 12, "customer/attributes/*": 11}}}
	_, err := w.Store.ActivatePolicy(t.Context(), p)
	must(t, err)
	e := w.explain(id)
	for path, line := range map[string]int32{"email": 12, "name": 11} {
		if rule := attribute(t, e, path).GetRule(); rule.GetLine() != line || rule.GetFile() != "hub.yaml" {
			t.Errorf("the rule for %s: %v", path, rule)
		}
	}
	p.Lines = map[string]int{"customer/attributes/email": 14} // the file was edited above its rules
	_, err = w.Store.ActivatePolicy(t.Context(), p)
	must(t, err)
	must(t, w.Applier.Reload(t.Context()))
	if rule := attribute(t, w.explain(id), "email").GetRule(); rule.GetLine() != 14 || w.explain(id).GetPolicyVersion() != e.GetPolicyVersion() {
		t.Errorf("after its lines have moved: %v", rule)
	}
}
