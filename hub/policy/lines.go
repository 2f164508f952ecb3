package policy

import "github.com/canonhub/canonhub/hub/model"

// Locate tells the rules on which lines of the configuration they stand, by place below its policies:
// `customer/attributes/email`. Call it before anyone folds by the policy.
func (p *Policy) Locate(lines map[string]int) {
	for kind, k := range p.kinds {
		for i := range k.units {
			k.units[i].rule.locate(kind, lines)
		}
		for _, rule := range k.customRules() {
			rule.locate(kind, lines)
		}
	}
}

func (r *Rule) locate(kind model.Kind, lines map[string]int) {
	r.Line = lines[string(kind)+"/attributes/"+r.Path]
}
