package adaptertest

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/canonhub/canonhub/hub/model"
)

var carriageChecks = []check{
	{"FactoryIsComplete", nil, factoryIsComplete},
	{"CarriedPathsExist", nil, carriedPathsExist},
}

func factoryIsComplete(t testing.TB, s Suite) {
	f := s.Factory
	if f.Name == "" || f.Name != strings.ToLower(f.Name) {
		t.Errorf("Name %q is no lower-case word", f.Name)
	}
	if strings.HasSuffix(f.DefaultBaseURL, "/") || f.DefaultBaseURL != "" && !strings.HasPrefix(f.DefaultBaseURL, "https://") {
		t.Errorf("DefaultBaseURL %q is no https address without a slash at its end", f.DefaultBaseURL)
	}
	if all, err := f.CarriesFor(s.settings(nil)); err != nil || len(all) == 0 {
		t.Errorf("it carries no kind: %v", err)
	}
	s.unconnected(t, s.settings(nil))
	for _, c := range s.carries() {
		if c.Create && len(c.Out)+len(c.OnCreate) == 0 {
			t.Errorf("%s can be created, and nothing can be set (Out, OnCreate)", c.Kind)
		}
		if !c.Create && len(c.OnCreate) > 0 {
			t.Errorf("%s has attributes that a create sets, and cannot be created", c.Kind)
		}
	}
	for _, name := range f.Credentials {
		settings := s.settings(nil)
		delete(settings.Credentials, name)
		if _, err := f.Open(settings); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("opened without the credential %s: got error %v, want one that names it", name, err)
		}
	}
	settings := s.settings(nil)
	settings.Options = json.RawMessage(`{"x_canonhub_option":1}`)
	if _, err := f.Open(settings); err == nil {
		t.Error("opened with an option that nobody knows; read them with Settings.DecodeOptions, an adapter without any too")
	}
	if f.NeedsPublicURL {
		settings := s.settings(nil)
		settings.PublicURL = ""
		if _, err := f.Open(settings); err == nil {
			t.Error("NeedsPublicURL is set, and it opens without one though it has webhook secrets")
		}
	}
}

func carriedPathsExist(t testing.TB, s Suite) {
	for i, c := range s.carries() {
		known := model.For(model.Kind(c.Kind))
		if known == nil {
			t.Errorf("there is no kind %q", c.Kind)
			continue
		}
		if first, _ := s.carriage(c.Kind); i > 0 && !slices.Equal(first.In, c.In) {
			t.Errorf("%s is carried twice", c.Kind)
		}
		for name, list := range map[string][]string{"In": c.In, "Out": c.Out, "OnCreate": c.OnCreate, "Out with OnCreate": slices.Concat(c.Out, c.OnCreate)} {
			sorted := slices.Sorted(slices.Values(list))
			if len(slices.Compact(sorted)) != len(list) {
				t.Errorf("%s: %s has a path twice", c.Kind, name)
			}
			for _, path := range list {
				if path == customs {
					continue
				}
				if err := known.Check(model.Path(path)); err != nil {
					t.Errorf("%s: %s: %v", c.Kind, name, err)
				}
			}
		}
		for path, sentence := range c.Losses {
			if !lists(c.In, path) && !lists(c.Out, path) && !lists(c.OnCreate, path) && path != customs {
				t.Errorf("%s: Losses speaks of %s, which is not carried", c.Kind, path)
			}
			if strings.TrimSpace(sentence) == "" {
				t.Errorf("%s: Losses does not say what is lost of %s", c.Kind, path)
			}
		}
	}
}
