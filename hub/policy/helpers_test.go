package policy_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/model/modeltest"
	"github.com/canonhub/canonhub/hub/policy"
	"github.com/canonhub/canonhub/hub/view"
)

var (
	schema   = model.For(model.Customer)
	customer = modeltest.Customer
	pathsIn  = modeltest.Paths
	textAt   = modeltest.Text
	carried  = append(schema.Paths(), "custom.*")
)

// at is a source's time.
func at(second int) view.Stamp { return view.Stamp{Time: time.Unix(int64(second), 0).UTC()} }

// rules reads "email=authority:crm phone=latest:crm,shop:30s *=prefer:crm,shop".
func rules(t testing.TB, text string) map[string]*configv1.Rule {
	t.Helper()
	all := map[string]*configv1.Rule{}
	for _, pair := range strings.Fields(text) {
		path, rule, _ := strings.Cut(pair, "=")
		words := strings.Split(rule, ":")
		names := strings.Split(words[1], ",")
		switch words[0] {
		case "authority":
			all[path] = &configv1.Rule{Authority: words[1]}
		case "prefer":
			all[path] = &configv1.Rule{Prefer: names}
		case "latest":
			all[path] = &configv1.Rule{Latest: names}
			if len(words) > 2 {
				skew, err := time.ParseDuration(words[2])
				if err != nil {
					t.Fatal(err)
				}
				all[path].Skew = durationpb.New(skew)
			}
		case "first":
			all[path] = &configv1.Rule{First: names}
		case "majority":
			all[path] = &configv1.Rule{Majority: names}
		case "union":
			all[path] = &configv1.Rule{Union: names}
		case "hold":
			all[path] = &configv1.Rule{Hold: names}
		case "follow":
			all[path] = &configv1.Rule{Follow: words[1]}
		default:
			t.Fatalf("no mode in %q", pair)
		}
	}
	return all
}

// compiled is the policy for customers with these rules and, by name, targets.
func compiled(t testing.TB, text string, targets map[string]*configv1.Target) *policy.Kind {
	t.Helper()
	p, problems := policy.Compile(map[string]*configv1.KindPolicy{"customer": {Attributes: rules(t, text), Targets: targets}}, nil)
	for _, problem := range problems {
		t.Fatalf("%v: %s", problem.At, problem.Message)
	}
	return p.Kind(model.Customer)
}

// source is one that said these things, each "SECOND TEXTS": a snapshot, and after it partial observations.
func source(name string, said ...string) policy.Source {
	v := view.New(schema)
	for i, text := range said {
		second, values, _ := strings.Cut(text, " ")
		stamp := view.Stamp{Time: seconds(second)}
		if i == 0 {
			v.Observe(view.Observation{Stamp: stamp, Message: customer(values), Paths: carried, Snapshot: true})
			continue
		}
		v.Observe(view.Observation{Stamp: stamp, Message: customer(values), Paths: pathsIn(values)})
	}
	return policy.Source{Name: name, ExternalID: "1", State: v.State()}
}

func seconds(text string) time.Time {
	d, err := time.ParseDuration(text + "s")
	if err != nil {
		panic(err)
	}
	return time.Unix(0, 0).UTC().Add(d)
}

func creator(s policy.Source) policy.Source   { s.Creator = true; return s }
func secondary(s policy.Source) policy.Source { s.Secondary = true; return s }
