package hubspot_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/hubspot"
)

// mistakes are the places of all that is wrong with options, as the configuration's reader is told them.
func mistakes(err error) (places []string) {
	var one *adapters.Mistake
	switch joined, many := err.(interface{ Unwrap() []error }); {
	case many:
		for _, each := range joined.Unwrap() {
			places = append(places, mistakes(each)...)
		}
	case errors.As(err, &one):
		places = append(places, strings.Join(one.At, "/"))
	}
	return places
}

func TestOptionsThatCannotWorkAreToldByTheirPlace(t *testing.T) {
	t.Parallel()
	for options, want := range map[string][]string{
		`{"tickets":{}}`:                               nil,
		`{"time_zone":"Asia/Kathmandu"}`:               nil,
		`{"time_zone":"Local"}`:                        {"time_zone"},
		`{"time_zone":"Bonn","tickets":{"stages":{}}}`: {"tickets/stages", "time_zone"},
		`{"tickets":{"pipeline":"0"}}`:                 nil,
		`{"tickets":{"pipeline":0}}`:                   nil,
		`{"tickets":{"pipeline":770001,"stages":{"880001":"open","880002":"closed"}}}`:                                 nil,
		`{"tickets":{"stages":{"1":"new","2":"open","3":"open"},"enter":{"open":3}}}`:                                  nil,
		`{"tickets":{"pipeline":"770001"}}`:                                                                            {"tickets/stages"},
		`{"tickets":{"pipeline":"a/b","stages":{"1":"new"}}}`:                                                          {"tickets/pipeline"},
		`{"tickets":{"stages":{}}}`:                                                                                    {"tickets/stages"},
		`{"tickets":{"stages":{"1":"new","2":"waiting","3/":"open"}}}`:                                                 {"tickets/stages/2", "tickets/stages/3/"},
		`{"tickets":{"stages":{"1":"new","2":"open","3":"open"}}}`:                                                     {"tickets/enter/open"},
		`{"tickets":{"stages":{"1":"new"},"enter":{"open":"1"}}}`:                                                      {"tickets/enter/open"},
		`{"tickets":{"stages":{"1":"new"},"enter":{"shut":"1"}}}`:                                                      {"tickets/enter/shut"},
		`{"tickets":{"stages":{"1":"new","2":"deleted","3":"new"},"enter":{"solved":"9"}}}`:                            {"tickets/enter/new", "tickets/enter/solved", "tickets/stages/2"},
		`{"tickets":{"pipeline":"` + strings.Repeat("9", 101) + `","stages":{"` + strings.Repeat("8", 101) + `":""}}}`: {"tickets/pipeline", "tickets/stages/" + strings.Repeat("8", 101)},
	} {
		s := adapters.Settings{BaseURL: "https://api.example.com", HTTP: http.DefaultClient, Options: json.RawMessage(options),
			Credentials: map[string]adapters.Secret{"access_token": adapters.NewSecret(token)}}
		_, declared := hubspot.Factory().CarriesFor(s)
		_, opened := hubspot.Factory().Open(s)
		for what, err := range map[string]error{"declare": declared, "open": opened} {
			got := mistakes(err)
			slices.Sort(got)
			if (err != nil) != (want != nil) || !slices.Equal(got, want) {
				t.Errorf("%s %.80s: got %v (%v), want %v", what, options, got, err, want)
			}
		}
	}
	for _, options := range []string{`{"ticket":{}}`, `{"tickets":true}`, `{"tickets":{"stage":{}}}`, `[]`} {
		if _, err := hubspot.Factory().CarriesFor(adapters.Settings{Options: json.RawMessage(options)}); err == nil {
			t.Errorf("%s is taken", options)
		}
	}
}

// HubSpot grants nothing to an app that asks for a scope which it does not have.
func TestTheScopeOfTicketsIsAskedForWhereTheyAreCarried(t *testing.T) {
	t.Parallel()
	for options, want := range map[string]bool{"": false, `{}`: false, `{"tickets":null}`: false, withTickets: true} {
		s := adapters.Settings{BaseURL: "https://api.hubapi.com", Options: json.RawMessage(options)}
		carries, err := hubspot.Factory().CarriesFor(s)
		carried := slices.ContainsFunc(carries, func(c adapters.Carriage) bool { return c.Kind == "ticket" })
		if asked := slices.Contains(hubspot.Factory().OAuth(s).Scopes, "tickets"); err != nil || asked != want || carried != want {
			t.Errorf("%q: the scope is asked for: %v, tickets are carried: %v, %v", options, asked, carried, err)
		}
	}
}
