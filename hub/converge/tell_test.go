package converge_test

import (
	"fmt"
	"strings"

	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	"github.com/canonhub/canonhub/hub/model"
)

// habits tells what a vendor is like.
func (v *vendor) habits() string {
	told := []string{v.name + ":"}
	habits := map[string]bool{"whole seconds": v.coarse, "counts versions": v.counts, "thin events": v.thin, "partial events": v.partial,
		"makes small letters": v.lower, "trims": v.trims, "unique e-mail": v.unique, "forgets keys": v.forgets, "creates nothing": !v.creates}
	for _, habit := range sorted(habits) {
		if habits[habit] {
			told = append(told, habit+",")
		}
	}
	if v.skew != 0 {
		told = append(told, "clock off by "+v.skew.String()+",")
	}
	if len(v.refuses) > 0 {
		told = append(told, fmt.Sprintf("refuses %v,", v.refuses))
	}
	if len(v.undoes) > 0 {
		told = append(told, fmt.Sprintf("undoes %v,", v.undoes))
	}
	for _, kind := range []model.Kind{model.Customer, model.Order} {
		if len(v.carries[kind]) < len(attributes[kind]) {
			told = append(told, fmt.Sprintf("of %ss has %v,", kind, v.carries[kind]))
		}
		if len(v.takes[kind]) < len(v.carries[kind]) {
			told = append(told, fmt.Sprintf("of %ss takes %v,", kind, v.takes[kind]))
		}
	}
	return strings.Join(told, " ")
}

// tellPolicy tells a policy on a few lines.
func tellPolicy(config map[string]*configv1.KindPolicy) string {
	var b strings.Builder
	for _, kind := range sorted(config) {
		k := config[kind]
		fmt.Fprintf(&b, "\n       %s: create %v, match %q", kind, k.GetCreate(), k.GetMatch())
		if k.GetDelete() != nil {
			fmt.Fprintf(&b, ", delete by %v %s", k.GetDelete().GetBy(), k.GetDelete().GetEffect())
		}
		if k.GetMerge() != nil {
			fmt.Fprintf(&b, ", merge by %v", k.GetMerge().GetBy())
		}
		for _, path := range sorted(k.GetAttributes()) {
			fmt.Fprintf(&b, "\n         %s: %s", path, tellRule(k.GetAttributes()[path]))
		}
		for _, name := range sorted(k.GetTargets()) {
			target := k.GetTargets()[name]
			fmt.Fprintf(&b, "\n         target %s: create %v, takes %v %s", name, target.GetCreate(), target.GetAttributes(), target.GetWhen())
		}
	}
	return b.String()
}

func tellRule(r *configv1.Rule) string {
	lists := map[string][]string{"prefer": r.GetPrefer(), "latest": r.GetLatest(), "first": r.GetFirst(), "majority": r.GetMajority(), "union": r.GetUnion(), "hold": r.GetHold()}
	told := ""
	for _, mode := range sorted(lists) {
		if len(lists[mode]) > 0 {
			told += fmt.Sprintf("%s %v ", mode, lists[mode])
		}
	}
	if r.GetAuthority() != "" {
		told += "authority " + r.GetAuthority() + " "
	}
	if r.GetFollow() != "" {
		told += "follow " + r.GetFollow() + " "
	}
	if r.GetSkew() != nil {
		told += "skew " + r.GetSkew().AsDuration().String() + " "
	}
	if r.GetUnless() != "" {
		told += "unless " + r.GetUnless()
	}
	return told
}
