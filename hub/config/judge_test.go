package config_test

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	"github.com/canonhub/canonhub/hub/config"
	"github.com/canonhub/canonhub/hub/policy"
)

func designed(t *testing.T) *config.Config {
	t.Helper()
	c, err := config.Parse("hub.yaml", read(t, "testdata/design.yaml"), options())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A policy that stands in a file and one that does not are judged alike.
func TestPoliciesFromElsewhereAreJudgedAsThoseInFiles(t *testing.T) {
	t.Parallel()
	c := designed(t)
	if problems := c.Judge(c.Policies, c.Phases); len(problems) > 0 {
		t.Fatalf("its own policies: %v", problems)
	}
	for name, test := range map[string]struct {
		change func(*configv1.KindPolicy)
		at     string
		text   string
	}{
		"no such source":    {func(k *configv1.KindPolicy) { k.Attributes["email"].Authority = "erp" }, "policies/customer/attributes/email/authority", `"erp"`},
		"no such path":      {func(k *configv1.KindPolicy) { k.Attributes["emial"] = k.Attributes["email"] }, "policies/customer/attributes/emial", "emial"},
		"no such target":    {func(k *configv1.KindPolicy) { k.Targets["erp"] = k.Targets["crm"] }, "policies/customer/targets/erp", `"erp"`},
		"cannot be written": {func(k *configv1.KindPolicy) { k.Targets["crm"].Attributes = []string{"note"} }, "policies/customer/targets/crm/attributes/0", "cannot write"},
		"no CEL":            {func(k *configv1.KindPolicy) { k.Targets["crm"].When = "record." }, "policies/customer/targets/crm/when", ""},
	} {
		changed := map[string]*configv1.KindPolicy{"customer": proto.Clone(c.Policies["customer"]).(*configv1.KindPolicy)}
		test.change(changed["customer"])
		if !slices.ContainsFunc(c.Judge(changed, nil), func(p policy.Problem) bool {
			return strings.Join(p.At, "/") == test.at && strings.Contains(p.Message, test.text)
		}) {
			t.Errorf("%s: %v", name, c.Judge(changed, nil))
		}
	}
	if problems := c.Judge(c.Policies, map[string]string{"erp": "linking"}); len(problems) != 1 {
		t.Errorf("a phase of a connection that is none: %v", problems)
	}
}

func TestRulesAndTargetsHaveTheirLines(t *testing.T) {
	t.Parallel()
	c := designed(t)
	lines := strings.Split(string(read(t, "testdata/design.yaml")), "\n")
	for place, begins := range map[string]string{
		"customer/attributes/*": `"*":`, "customer/attributes/email": "email:", "customer/attributes/mobile_phone": "mobile_phone:", "customer/targets/crm": "crm:",
	} {
		if line := c.Lines[place]; line == 0 || !strings.HasPrefix(strings.TrimSpace(lines[line-1]), begins) {
			t.Errorf("%s is said to stand on line %d", place, line)
		}
	}
	if c.File != "hub.yaml" {
		t.Errorf("the file is %q", c.File)
	}
}

func TestCallersThatMayOperate(t *testing.T) {
	t.Parallel()
	text := strings.Replace(string(read(t, "testdata/design.yaml")), "kinds: {invoice: write, customer: read}}", "operate: true}", 1)
	c, err := config.Parse("hub.yaml", []byte(text), options())
	if err != nil || !c.Callers[0].Operate || designed(t).Callers[0].Operate || !strings.Contains(c.String(), "operate") {
		t.Errorf("%v: %+v", err, c)
	}
}
