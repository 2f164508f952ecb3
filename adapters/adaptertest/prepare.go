package adaptertest

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
)

var prepareChecks = []check{
	{"PrepareIsPure", needs(adapters.Updates), prepareIsPure},
	{"PrepareRefusesWhatIsNotCarried", needs(adapters.Updates), prepareRefuses},
	{"PrepareFreezesNoSecret", needs(adapters.Updates), prepareFreezesNoSecret},
}

// patches are a create and an update of each kind that can be written to, with all attributes.
func (s Suite) patches(t testing.TB, st *stage) []adapters.Patch {
	t.Helper()
	var all []adapters.Patch
	s.eachKind(writable, func(c adapters.Carriage) {
		first, second := st.samples(t, c)
		paths := expand(schema(t, c.Kind), c.Out, first)
		if c.Create {
			all = append(all, adapters.Patch{Kind: c.Kind, RecordID: recordID(c.Kind), Message: first, Key: "key-1",
				Paths: slices.Concat(paths, expand(schema(t, c.Kind), c.OnCreate, first))})
		}
		all = append(all, adapters.Patch{Kind: c.Kind, RecordID: recordID(c.Kind), ExternalID: st.Seed(c.Kind), Message: second, Held: first, Paths: paths, Key: "key-2"})
	})
	return all
}

// samples are the Fixture's records, once they are what it promises.
func (s *stage) samples(t testing.TB, c adapters.Carriage) (first, second proto.Message) {
	t.Helper()
	first, second = s.Sample(c.Kind)
	known := schema(t, c.Kind)
	for _, path := range expand(known, slices.Concat(c.Out, c.OnCreate), first, second) {
		if known.Empty(first, pathTo(path)) || known.Empty(second, pathTo(path)) || known.Equal(first, second, pathTo(path)) {
			t.Fatalf("Sample(%s) must set every path of Out, to two values: %s is %s and %s", c.Kind, path, text(known, first, path), text(known, second, path))
		}
	}
	if slices.Contains(c.Out, customs) && len(known.Custom(first)) < 2 {
		t.Fatalf("Sample(%s) must set two attributes under custom.*", c.Kind)
	}
	return first, second
}

func prepareIsPure(t testing.TB, s Suite) {
	st := s.stage(t)
	for _, p := range s.patches(t, st) {
		message, held, paths := proto.Clone(p.Message), p.Held, slices.Clone(p.Paths)
		if held != nil {
			held = proto.Clone(held)
		}
		calls := len(st.calls.made())
		first := st.mustPrepare(t, p)
		if first.Kind != p.Kind || first.RecordID != p.RecordID || first.ExternalID != p.ExternalID || first.Key != p.Key || len(first.Body) == 0 {
			t.Errorf("the request of %+v is %+v", p, first)
		}
		for range 20 { // maps iterate in another order each time
			again := p
			again.Message = proto.Clone(p.Message)
			if r := st.mustPrepare(t, again); !bytes.Equal(r.Body, first.Body) {
				t.Fatalf("one patch made two requests:\n%s\n%s", first.Body, r.Body)
			}
		}
		if !proto.Equal(message, p.Message) || held != nil && !proto.Equal(held, p.Held) || !slices.Equal(paths, p.Paths) {
			t.Errorf("Prepare changes its patch")
		}
		if len(st.calls.made()) != calls {
			t.Errorf("Prepare calls the vendor")
		}
	}
}

func prepareRefuses(t testing.TB, s Suite) {
	st := s.stage(t)
	for _, p := range s.patches(t, st) {
		c, _ := s.carriage(p.Kind)
		foreign := []string{"no_such_attribute"}
		for _, path := range append(schema(t, c.Kind).Paths(), "custom.surely_not_there") {
			if !lists(c.Out, string(path)) && (p.ExternalID != "" || !lists(c.OnCreate, string(path))) {
				foreign = append(foreign, string(path))
			}
		}
		for _, path := range foreign {
			bad := p
			bad.Paths = append(slices.Clone(p.Paths), path)
			_, err := st.Pusher.Prepare(bad)
			var f *fault.Error
			if !errors.As(err, &f) || f.Category != fault.Permanent || f.Refused[path] == "" {
				t.Errorf("%s: Prepare with %s, which is not in Out: %v; want a permanent fault with the path in Refused", p.Kind, path, err)
			}
		}
	}
	for _, c := range s.carries() {
		if c.Can(adapters.Updates) {
			continue
		}
		p := adapters.Patch{Kind: c.Kind, RecordID: recordID(c.Kind), ExternalID: st.Seed(c.Kind), Message: schema(t, c.Kind).New(), Paths: []string{c.In[0]}, Key: "key-1"}
		if _, err := st.Pusher.Prepare(p); fault.CategoryOf(err) != fault.Permanent || err == nil {
			t.Errorf("Prepare of a %s, which cannot be written to: %v, want a permanent fault", c.Kind, err)
		}
	}
}

// A request is stored in the database.
func prepareFreezesNoSecret(t testing.TB, s Suite) {
	st := s.stage(t)
	for _, p := range s.patches(t, st) {
		r := st.mustPrepare(t, p)
		for _, secret := range texts(st.settings) {
			if strings.Contains(string(r.Body), secret) {
				t.Errorf("the frozen request of a %s holds a secret", p.Kind)
			}
		}
	}
}
