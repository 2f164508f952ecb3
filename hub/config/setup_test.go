package config_test

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"strconv"
	"testing"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/hub/config"
)

var update = flag.Bool("update", false, "rewrite what is wanted in testdata")

// secretText is in every secret of these tests. Its blank keeps it out of URLs, which are printed.
const secretText = "s3cr3t value"

var factories = map[string]adapters.Factory{
	"stripe": {
		Name: "stripe", DefaultBaseURL: "https://api.stripe.com/", Credentials: []string{"api_key"},
		Carries: []adapters.Carriage{
			{Kind: "customer", Out: []string{"name", "email", "phone", "billing_address.city", "custom.*"}, Create: true},
			{Kind: "invoice", In: []string{"number"}},
		},
	},
	"hubspot": {
		Name: "hubspot", DefaultBaseURL: "https://api.hubapi.com", Credentials: []string{"access_token"}, NeedsPublicURL: true,
		Carries: []adapters.Carriage{
			{Kind: "customer", Out: []string{"email", "phone"}, Create: true},
			{Kind: "ticket", Out: []string{"subject"}, Create: true},
		},
	},
	"zendesk": {Name: "zendesk", Credentials: []string{"token"}, FurtherCredentials: []string{"email"}, Declare: declareBrand,
		OAuth: func(s adapters.Settings) adapters.OAuth {
			return adapters.OAuth{AuthorizeURL: s.BaseURL + "/authorize", TokenURL: s.BaseURL + "/token"}
		}},
	"folder": {Name: "folder", NoBaseURL: true, Declare: declarePaths},
}

// options give an environment and files in which all that begins with NO is missing.
func options() config.Options {
	variables := map[string]string{"HOST": "api.example.com", "EMPTY": "", "SPACED": "a b"}
	return config.Options{
		Factories: factories,
		Env: func(name string) (string, bool) {
			if value, ok := variables[name]; ok {
				return value, true
			}
			return secretText, (len(name) < 2 || name[:2] != "NO") && name != "sealed"
		},
		ReadFile: func(name string, limit int) ([]byte, error) {
			switch name {
			case "/missing", "conf/missing", "/etc/missing":
				return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
			case "/empty":
				return []byte("\r\n"), nil
			case "/huge":
				return make([]byte, limit), nil
			}
			return []byte(secretText + "\n"), nil
		},
	}
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// declarePaths takes paths that are good.
func declarePaths(s adapters.Settings) ([]adapters.Carriage, error) {
	var options struct {
		Paths []string `json:"paths"`
	}
	err := s.DecodeOptions(&options)
	for i, path := range options.Paths {
		if path != "good" {
			err = errors.Join(err, &adapters.Mistake{At: []string{"paths", strconv.Itoa(i)}, Reason: strconv.Quote(path) + " is no path"})
		}
	}
	return nil, err
}

// declareBrand carries tickets of a connection whose options name a brand.
func declareBrand(s adapters.Settings) ([]adapters.Carriage, error) {
	var options struct {
		Brand string `json:"brand"`
	}
	if err := s.DecodeOptions(&options); err != nil || options.Brand == "" {
		return nil, err
	}
	return []adapters.Carriage{{Kind: "ticket", Out: []string{"subject"}, Create: true, Pull: adapters.Pull{MaxPage: 100}}}, nil
}
