package config

import configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"

// lines are where the policies' rules and targets stand, by their place below policies.
func (l *loader) lines(from *configv1.Config) map[string]int {
	found := map[string]int{}
	for kind, p := range from.GetPolicies() {
		for attribute := range p.GetAttributes() {
			l.line(found, kind, "attributes", attribute)
		}
		for target := range p.GetTargets() {
			l.line(found, kind, "targets", target)
		}
	}
	return found
}

func (l *loader) line(found map[string]int, place ...string) {
	if n, exact, _ := l.root.find(path{"policies"}.below(place...)); exact {
		found[path(place).text()] = n.keyMark().line
	}
}
