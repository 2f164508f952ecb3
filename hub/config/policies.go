package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/canonhub/canonhub/adapters"
	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/policy"
)

// policies checks the policies against the sources, the kinds and the adapters, and compiles them.
func (l *loader) policies(from *configv1.Config) *policy.Policy {
	compilable := map[string]*configv1.KindPolicy{}
	told := map[string]bool{}
	for _, kind := range sortedKeys(from.GetPolicies()) {
		schema := model.For(model.Kind(kind))
		if schema == nil {
			continue // the schema has reported it
		}
		p := from.GetPolicies()[kind]
		if len(p.GetAttributes()) > 0 {
			compilable[kind] = p
		}
		k := kindPolicy{loader: l, config: from, schema: schema, from: p, at: path{"policies", kind}, told: told}
		k.sources()
		k.match()
		k.writers()
		k.targets()
	}
	phases := map[string]policy.Phase{}
	for name, c := range from.GetConnections() {
		if c.GetPhase() != "" {
			phases[name] = policy.Phase(c.GetPhase())
		}
	}
	compiled, problems := policy.Compile(compilable, phases)
	for _, problem := range problems {
		if at := (path{"policies"}).below(problem.At...); !told[at.text()+problem.Message] {
			l.fail(at, "%s", problem.Message)
		}
	}
	return compiled
}

// kindPolicy checks one kind's policy.
type kindPolicy struct {
	*loader
	config *configv1.Config
	schema *model.Schema
	from   *configv1.KindPolicy
	at     path
	// told are list and message of what was reported at an item and the compiler reports at the list.
	told map[string]bool
}

func (k *kindPolicy) sources() {
	k.sourceList(k.at.below("create"), k.from.GetCreate())
	k.sourceList(k.at.below("delete", "by"), k.from.GetDelete().GetBy())
	for name, rule := range k.from.GetAttributes() {
		at := k.at.below("attributes", name)
		if rule.GetAuthority() != "" {
			k.source(at.below("authority"), rule.GetAuthority())
		}
		k.sourceList(at.below("prefer"), rule.GetPrefer())
		k.sourceList(at.below("latest"), rule.GetLatest())
		k.sourceList(at.below("first"), rule.GetFirst())
		k.sourceList(at.below("majority"), rule.GetMajority())
		k.sourceList(at.below("union"), rule.GetUnion())
		k.sourceList(at.below("hold"), rule.GetHold())
	}
}

func (k *kindPolicy) sourceList(at path, names []string) {
	for i, name := range names {
		item := at.below(strconv.Itoa(i))
		k.source(item, name)
		if slices.Contains(names[:i], name) {
			k.fail(item, "%.80q is in this list already; name each once", name)
		}
	}
}

func (k *kindPolicy) source(at path, name string) {
	if k.config.GetConnections()[name] == nil && k.config.GetCallers()[name] == nil {
		k.fail(at, "no connection or caller %.80q; %s", name,
			known(append(sortedKeys(k.config.GetConnections()), sortedKeys(k.config.GetCallers())...)))
	}
}

func known(names []string) string {
	if len(names) == 0 {
		return "there is none at all"
	}
	return "there are " + strings.Join(names, ", ")
}

func (k *kindPolicy) match() {
	for i, key := range k.from.GetMatch() {
		at := k.at.below("match", strconv.Itoa(i))
		for attribute := range strings.SplitSeq(key, "+") {
			if err := k.schema.CheckText(model.Path(strings.TrimSpace(attribute))); err != nil {
				k.tell(at, err.Error())
				break // the compiler tells the first, too
			}
		}
	}
}

// tell reports at an item what the compiler reports at the list.
func (k *kindPolicy) tell(item path, message string) {
	k.told[item[:len(item)-1].text()+message] = true
	k.fail(item, "%s", message)
}

// writers checks who may write what: callers that may write the kind.
func (k *kindPolicy) writers() {
	for name := range k.from.GetWrite() {
		at := k.at.below("write", name)
		switch caller := k.config.GetCallers()[name]; {
		case caller == nil:
			k.failKey(at, "no caller %.80q; %s", name, known(sortedKeys(k.config.GetCallers())))
		case caller.GetKinds()[string(k.schema.Kind())] != string(Write):
			k.failKey(at, "the caller %s may not write %ss; say so under its kinds, or remove this", name, k.schema.Kind())
		}
	}
}

func (k *kindPolicy) targets() {
	for name, target := range k.from.GetTargets() {
		at := k.at.below("targets", name)
		connection := k.config.GetConnections()[name]
		if connection == nil {
			k.failKey(at, "no connection %.80q; %s", name, known(sortedKeys(k.config.GetConnections())))
			continue
		}
		carries, ok := k.carries[name]
		if !ok {
			continue // reported at the connection
		}
		adapter := connection.GetAdapter()
		carriage := carriageOf(carries, k.schema.Kind())
		if carriage == nil {
			k.failKey(at, "%s holds no %ss; remove this target", adapter, k.schema.Kind())
			continue
		}
		if target.GetCreate() && !carriage.Create {
			k.fail(at.below("create"), "%s cannot create %ss; set create: false", adapter, k.schema.Kind())
		}
		k.targetAttributes(at.below("attributes"), target.GetAttributes(), writer{adapter, carriage.Out})
	}
}

func carriageOf(carries []adapters.Carriage, kind model.Kind) *adapters.Carriage {
	for i, carriage := range carries {
		if carriage.Kind == adapters.Kind(kind) {
			return &carries[i]
		}
	}
	return nil
}

func (k *kindPolicy) targetAttributes(at path, attributes []string, w writer) {
	for i, attribute := range attributes {
		item := at.below(strconv.Itoa(i))
		if !k.grouped(attribute) {
			if err := k.schema.Check(model.Path(attribute)); err != nil {
				k.tell(item, err.Error())
				continue
			}
		}
		if !w.writes(attribute) {
			k.fail(item, "%s cannot write %s.%s; %s", w.adapter, k.schema.Kind(), attribute, w.alternatives())
		}
	}
}

// grouped says whether the word stands for several attributes.
func (k *kindPolicy) grouped(attribute string) bool {
	group := strings.TrimSuffix(attribute, ".*")
	return attribute == "*" || group == "custom" || k.schema.Group(group) != nil
}

// writer is what an adapter can write of one kind.
type writer struct {
	adapter string
	out     []string
}

// writes says whether the adapter can write an attribute, or any of those that the word stands for.
func (w writer) writes(attribute string) bool {
	if attribute == "*" {
		return len(w.out) > 0
	}
	group := strings.TrimSuffix(attribute, ".*")
	return slices.ContainsFunc(w.out, func(path string) bool {
		return path == attribute || strings.HasPrefix(path, group+".") || path == "custom.*" && strings.HasPrefix(attribute, "custom.")
	})
}

func (w writer) alternatives() string {
	if len(w.out) == 0 {
		return "it can write nothing of it, so remove this target"
	}
	return fmt.Sprintf("it can write %s", strings.Join(w.out, ", "))
}
