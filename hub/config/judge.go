package config

import (
	"go.yaml.in/yaml/v3"

	"github.com/canonhub/canonhub/adapters"
	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	"github.com/canonhub/canonhub/hub/policy"
)

// Judge checks policies that stand in no file as it does those that do, against this configuration's connections and
// callers. phases are those of connections that are not live.
func (c *Config) Judge(policies map[string]*configv1.KindPolicy, phases map[string]string) []policy.Problem {
	from := &configv1.Config{Policies: policies, Connections: map[string]*configv1.Connection{}, Callers: map[string]*configv1.Caller{}}
	l := &loader{report: report{root: &node{value: &yaml.Node{}}}, carries: map[string][]adapters.Carriage{}}
	for _, connection := range c.Connections {
		from.Connections[connection.Name] = &configv1.Connection{Adapter: connection.Adapter, Phase: phases[connection.Name]}
		l.carries[connection.Name] = connection.Carries
	}
	for _, caller := range c.Callers {
		from.Callers[caller.Name] = &configv1.Caller{}
	}
	for _, name := range sortedKeys(phases) {
		if from.Connections[name] == nil {
			l.fail(path{"connections", name}, "no connection %.80q; %s", name, known(sortedKeys(from.Connections)))
		}
	}
	l.policies(from)
	return l.problems
}
