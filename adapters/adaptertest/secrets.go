package adaptertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/canonhub/canonhub/adapters"
)

var secretChecks = []check{
	{"NothingPrintsASecret", nil, nothingPrintsASecret},
	{"NoErrorTellsASecret", nil, noErrorTellsASecret},
}

// leaks fails where a text holds a secret; it does not print the text.
func leaks(t testing.TB, settings adapters.Settings, what, text string) {
	t.Helper()
	for _, secret := range texts(settings) {
		if strings.Contains(text, secret) {
			t.Errorf("%s tells a secret", what)
		}
	}
}

// Law 10: whatever way an adapter or its settings are printed, logged or dumped.
func nothingPrintsASecret(t testing.TB, s Suite) {
	settings := s.settings(nil)
	a := s.unconnected(t, settings)
	for name, value := range map[string]any{
		"Settings": settings, "Adapter": a, "*Adapter": *a, "Webhook": a.Webhook, "Translator": a.Translator, "Fetcher": a.Fetcher, "Pusher": a.Pusher, "Prober": a.Prober, "Puller": a.Puller,
		"Lister": a.Lister, "Counter": a.Counter, "Archiver": a.Archiver, "Handshaker": a.Handshaker, "Acknowledger": a.Acknowledger,
	} {
		for _, value := range []any{value, pointedAt(value)} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
				leaks(t, settings, name+" printed by "+verb, fmt.Sprintf(verb, value))
			}
			var log bytes.Buffer
			slog.New(slog.NewTextHandler(&log, nil)).Info("dump", "value", value)
			leaks(t, settings, name+" logged", log.String())
			if dump, err := json.Marshal(value); err == nil {
				leaks(t, settings, name+" as JSON", string(dump))
			}
		}
	}
	for name := range settings.Credentials {
		broken := s.settings(nil)
		delete(broken.Credentials, name)
		if _, err := s.Factory.Open(broken); err != nil {
			leaks(t, settings, "the error of Open", err.Error())
		}
	}
}

// pointedAt is what a pointer leads to: fmt shows no more than addresses below the first level.
func pointedAt(value any) any {
	v := reflect.ValueOf(value)
	if !v.IsValid() || v.Kind() != reflect.Pointer || v.IsNil() {
		return value
	}
	return v.Elem().Interface()
}

func noErrorTellsASecret(t testing.TB, s Suite) {
	st := s.stage(t)
	for _, each := range append(failures, failures[0]) {
		st.inject(each.fault)
		for call, err := range attempts(t, st.Adapter, s) {
			if err != nil {
				leaks(t, st.settings, "the error of "+call+", "+each.fault.String()+",", fmt.Sprintf("%v %+v %#v", err, err, err))
			}
		}
	}
	for _, address := range st.calls.made() {
		leaks(t, st.settings, "the address of a call", address)
	}
	a := s.api(t)
	echo := strings.Join(texts(s.settings(nil)), " ")
	for _, status := range []int{400, 401, 403, 500} {
		a.says(status, "application/json", []byte(`{"error":{"message":"Invalid key: `+echo+`","code":"`+echo+`"},"message":"`+echo+`"}`))
		for call, err := range attempts(t, a.Adapter, s) {
			if err != nil {
				leaks(t, s.settings(nil), "the error of "+call+", whose answer quotes it,", fmt.Sprintf("%v %+v", err, err))
			}
		}
	}
}
