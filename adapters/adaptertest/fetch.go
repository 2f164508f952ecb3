package adaptertest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
)

var fetchChecks = []check{
	{"FetchIsASnapshot", needs(adapters.Fetches), fetchIsASnapshot},
	{"AMissingObjectIsGone", needs(adapters.Fetches), missingIsGone},
	{"ProbeProvesTheCredentials", nil, probeProves},
}

// Two reads of an object that nobody touched say the same, but for the time of a vendor that keeps none.
func fetchIsASnapshot(t testing.TB, s Suite) {
	st := s.stage(t)
	s.eachKind(readable, func(c adapters.Carriage) {
		o := adapters.Object{Kind: c.Kind, ExternalID: st.Seed(c.Kind)}
		one, two := st.mustFetch(t, o), st.mustFetch(t, o)
		checkObservation(t, s, one)
		if one.Object != o {
			t.Errorf("asked for %v, got %v", o, one.Object)
		}
		if diff := cmp.Diff(one.Message, two.Message, protocmp.Transform()); diff != "" || one.Version != two.Version || two.At.Before(one.At) {
			t.Errorf("%s: read twice: %s", c.Kind, diff)
		}
		st.Edit(o)
		edited := st.mustFetch(t, o)
		if cmp.Equal(one.Message, edited.Message, protocmp.Transform()) {
			t.Errorf("%s: an edit does not show in a read: %v", c.Kind, edited.Message)
		}
		if edited.At.Before(one.At) || edited.Version < one.Version {
			t.Errorf("%s: an edit made the object older: %s, was %s", c.Kind, edited.At, one.At)
		}
	})
}

func missingIsGone(t testing.TB, s Suite) {
	st := s.stage(t)
	s.eachKind(readable, func(c adapters.Carriage) {
		o := adapters.Object{Kind: c.Kind, ExternalID: st.Seed(c.Kind)}
		isGone(t, st, adapters.Object{Kind: c.Kind, ExternalID: o.ExternalID + "0"})
		if st.Delete(o) {
			isGone(t, st, o)
		}
	})
}

func isGone(t testing.TB, st *stage, o adapters.Object) {
	t.Helper()
	out, err := st.Fetcher.Fetch(within(t), o)
	switch {
	case err == nil && (!out.Gone || out.Message != nil || out.Object != o):
		t.Errorf("%s %s is not there, and a read gives %+v", o.Kind, o.ExternalID, out)
	case err != nil && fault.CategoryOf(err) != fault.Gone:
		t.Errorf("%s %s is not there, and a read fails with %v; want the category gone", o.Kind, o.ExternalID, err)
	}
}

func probeProves(t testing.TB, s Suite) {
	st := s.stage(t)
	if err := st.Prober.Probe(within(t)); err != nil {
		t.Errorf("with good credentials: %v", err)
	}
	for name := range st.settings.Credentials {
		settings := st.settings
		settings.Credentials = map[string]adapters.Secret{}
		for other, secret := range st.settings.Credentials {
			settings.Credentials[other] = secret
		}
		settings.Credentials[name] = adapters.NewSecret(st.settings.Credentials[name].Reveal() + "x")
		err := s.unconnected(t, settings).Prober.Probe(within(t))
		if f := faultIn(t, "probe with another "+name, err); f.Category != fault.Auth {
			t.Errorf("probe with another %s: %v, want the category auth", name, err)
		}
	}
}
