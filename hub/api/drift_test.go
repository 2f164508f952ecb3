package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

func TestDriftIsListedPageByPage(t *testing.T) {
	t.Parallel()
	w := setup(t)
	add := func(connection string, kind model.Kind, change store.DriftChange, path, detail string) {
		t.Helper()
		key := store.DriftKey{Connection: connection, Kind: kind, Change: change, Path: path}
		for range 2 {
			if err := w.Hub.Store.AddDrift(t.Context(), []store.Drift{{DriftKey: key, Detail: detail, Seen: 3}}, 3); err != nil {
				t.Fatal(err)
			}
		}
	}
	add("shop", model.Customer, store.UnknownField, "loyalty", "")
	add("shop", model.Customer, store.ChangedType, "id", "string, was number")
	add("shop", model.Customer, store.VanishedField, "phone", "string")
	add("shop", model.Customer, store.UnknownField, "one too many", "")
	add("crm", model.Customer, store.UnknownValue, "status=on_hold", "")
	first := w.get("/v1/drift?pageSize=2")
	if first.code != http.StatusOK {
		t.Fatalf("%d %s", first.code, first.text)
	}
	second := w.get("/v1/drift?pageSize=2&pageToken=" + first.body["nextPageToken"].(string))
	if second.body["nextPageToken"] != nil {
		t.Errorf("a third page: %s", second.text)
	}
	both := first.text + second.text
	for _, want := range []string{`"path":"loyalty"`, `"detail":"string, was number"`, `"change":"vanished_field"`, `"path":"status=on_hold"`, `"seen":"6"`, `"firstTime":`} {
		if !strings.Contains(both, want) {
			t.Errorf("the list lacks %s: %s", want, both)
		}
	}
	if strings.Contains(both, "one too many") {
		t.Errorf("more is kept than should be: %s", both)
	}
	if one := w.get("/v1/drift?connection=crm"); strings.Contains(one.text, "shop") || !strings.Contains(one.text, "crm") {
		t.Error(one.text)
	}
	for _, token := range []string{"x", "eHg", "AAAA"} {
		if a := w.get("/v1/drift?pageToken=" + token); a.code != http.StatusOK && a.code != http.StatusBadRequest || token != "AAAA" && a.code != http.StatusBadRequest {
			t.Errorf("%s: %d %s", token, a.code, a.text)
		}
	}
}
