package adaptertest

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/hub/model"
)

const (
	customs      = "custom.*"
	customPrefix = "custom."
)

// schema is what the hub knows of a kind.
func schema(t testing.TB, kind adapters.Kind) *model.Schema {
	t.Helper()
	s := model.For(model.Kind(kind))
	if s == nil {
		t.Fatalf("there is no kind %q", kind)
	}
	return s
}

// pathTo is a path as the hub types it.
func pathTo(path string) model.Path { return model.Path(path) }

// lists says whether a carriage's list has a path.
func lists(list []string, path string) bool {
	return slices.Contains(list, path) || strings.HasPrefix(path, customPrefix) && slices.Contains(list, customs)
}

// lost says whether a carriage admits that the vendor holds an attribute less exactly.
func lost(c adapters.Carriage, path string) bool {
	if _, ok := c.Losses[path]; ok {
		return true
	}
	_, ok := c.Losses[customs]
	return ok && strings.HasPrefix(path, customPrefix)
}

// expand is a carriage's list with the custom attributes of the messages in place of `custom.*`.
func expand(s *model.Schema, list []string, messages ...proto.Message) []string {
	var out []string
	for _, path := range list {
		if path != customs {
			out = append(out, path)
			continue
		}
		for _, m := range messages {
			for _, custom := range s.Custom(m) {
				out = append(out, string(custom))
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// carries are the kinds that the connection carries; none where the adapter does not take its options.
func (s Suite) carries() []adapters.Carriage {
	if s.declared != nil {
		return s.declared
	}
	all, err := s.Factory.CarriesFor(s.settings(nil))
	if err != nil {
		return nil // told by FactoryIsComplete
	}
	return all
}

// carriage finds a kind among those that the adapter carries.
func (s Suite) carriage(kind adapters.Kind) (adapters.Carriage, bool) {
	all := s.carries()
	i := slices.IndexFunc(all, func(c adapters.Carriage) bool { return c.Kind == kind })
	if i < 0 {
		return adapters.Carriage{}, false
	}
	return all[i], true
}

// eachKind runs a check for every kind that fits.
func (s Suite) eachKind(fits func(adapters.Carriage) bool, run func(adapters.Carriage)) {
	for _, c := range s.carries() {
		if fits(c) {
			run(c)
		}
	}
}

// can says whether a kind has all of these abilities.
func can(all ...adapters.Ability) func(adapters.Carriage) bool {
	return func(c adapters.Carriage) bool {
		return !slices.ContainsFunc(all, func(a adapters.Ability) bool { return !c.Can(a) })
	}
}

var (
	readable  = can(adapters.Fetches)
	writable  = can(adapters.Updates, adapters.Fetches)
	creatable = can(adapters.Creates, adapters.Fetches)
	pullable  = can(adapters.Pulls)
)

// text is an attribute as a failure shows it.
func text(s *model.Schema, m proto.Message, path string) string {
	if m == nil {
		return "nothing"
	}
	return s.JSON(m, model.Path(path)).String()
}
