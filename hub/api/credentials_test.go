package api_test

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/canonhub/canonhub/adapters"
	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/api"
	"github.com/canonhub/canonhub/hub/config"
	"github.com/canonhub/canonhub/hub/credentials"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/secrets"
	"github.com/canonhub/canonhub/hub/store"
)

// keepingWorld is a hub that keeps the shop's credentials, and whose callers are those given.
func keepingWorld(t *testing.T, callers ...api.Caller) *world {
	t.Helper()
	w := setup(t)
	key, err := secrets.NewKey()
	must(t, err)
	box, err := secrets.Open([]adapters.Secret{key})
	must(t, err)
	keeper, err := credentials.New(credentials.Options{Store: w.Hub.Store, Box: box, Log: slog.New(slog.DiscardHandler), Connections: []config.Connection{
		{Name: "shop", Factory: adapters.Factory{Name: "memory", Credentials: []string{"api_key"}}, Credentials: map[string]adapters.Secret{"api_key": {}},
			Sources: map[string]config.Source{"api_key": {Name: "sealed"}}},
		{Name: "crm"},
	}})
	must(t, err)
	w.open(api.Options{Store: w.Hub.Store, Applier: w.Applier, Gate: w.Gate, Credentials: keeper, Callers: callers})
	return w
}

func (w *world) kept() hubv1.CredentialServiceClient { return hubv1.NewCredentialServiceClient(w.conn) }

func TestCredentialsGoInAndNeverComeOut(t *testing.T) {
	t.Parallel()
	w := keepingWorld(t)
	const text = "sk_live_Zq9-over-the-API"
	at := "/v1/connections/shop/credentials"
	first := w.post(at+"/api_key/versions", fmt.Sprintf(`{"value": %q, "overlap": "3600s"}`, text))
	if first.code != http.StatusOK || first.body["version"] != "1" || first.body["state"] != "CREDENTIAL_STATE_CURRENT" || first.body["createdBy"] != "loopback" {
		t.Fatalf("%d %s", first.code, first.text)
	}
	again := w.post(at+"/api_key/versions", fmt.Sprintf(`{"value": %q}`, text))
	second := w.post(at+"/api_key/versions", fmt.Sprintf(`{"value": %q}`, text+"-2"))
	list := w.get(at + "?name=api_key")
	retired := w.post(at+"/api_key/versions/2:retire", `{}`)
	last := w.post(at+"/api_key/versions/1:retire", `{}`)
	none := w.post(at+"/api_key/versions/7:retire", `{}`)
	even := w.post(at+"/api_key/versions/1:retire", `{"evenLast": true}`)
	gone := w.get(at)
	if again.body["version"] != "1" || second.body["version"] != "2" {
		t.Errorf("%s %s", again.text, second.text)
	}
	if !strings.Contains(list.text, "CREDENTIAL_STATE_CURRENT") || !strings.Contains(list.text, "CREDENTIAL_STATE_OVERLAPPING") || !strings.Contains(list.text, "expireTime") {
		t.Error(list.text)
	}
	if retired.body["state"] != "CREDENTIAL_STATE_RETIRED" || retired.body["retiredBy"] != "loopback" || even.code != http.StatusOK || strings.Count(gone.text, "CREDENTIAL_STATE_RETIRED") != 2 {
		t.Errorf("%s %s %s", retired.text, even.text, gone.text)
	}
	if last.reason() != "CREDENTIAL_REFUSED" || none.reason() != "CREDENTIAL_NOT_FOUND" {
		t.Errorf("%s %s", last.text, none.text)
	}
	// Mistakes, and a secret in every place where somebody may put one.
	answers := []answer{first, again, second, list, retired, last, none, even, gone}
	for path, body := range map[string]string{
		at + "/api_key/versions":                              `{"value": "` + text + `", "vaule": "x"}`,
		at + "/api_key/versions?value=" + text:                `{"value": "x"}`,
		at + "/" + text + "/versions":                         `{"value": "` + text + `"}`,
		at + "/api_key/versions ":                             `{"value": "` + text + `"`,
		"/v1/connections/" + text + "/credentials/a/versions": `{"value": "` + text + `"}`,
		at + "/webhook.secrets/versions":                      `{"value": "` + text + `", "overlap": "-1s"}`,
		at + "/api_key/versions  ":                            `{"value": ` + text + `}`,
	} {
		a := w.post(strings.TrimSpace(path), body)
		if a.code < 400 {
			t.Errorf("%s with %s: %d", path, body, a.code)
		}
		if !strings.Contains(path, text) { // else the caller is told that nothing is at the path that it asked for
			answers = append(answers, a)
		}
	}
	for _, a := range answers {
		if strings.Contains(a.text, text) {
			t.Errorf("an answer tells it: %s", a.text)
		}
	}
	metrics := w.get("/metrics")
	if log := w.log.String(); strings.Contains(log, text) || strings.Contains(metrics.text, text) {
		t.Errorf("the log or a metric tells it:\n%s", log)
	}
	if found := hubtest.DumpOf(t, w.Hub.Store).Find(text); len(found) > 0 {
		t.Errorf("the database tells it: %v", found)
	}
	if printed := prototext.Format(&hubv1.PutCredentialRequest{Value: text}); !strings.Contains(fmt.Sprint(hubv1.File_canonhub_hub_v1_credential_service_proto.Messages().ByName("PutCredentialRequest").
		Fields().ByName("value").Options()), "debug_redact:true") {
		t.Errorf("the field is not marked: %s", printed)
	}
}

func TestCredentialsAreForOperators(t *testing.T) {
	t.Parallel()
	w := keepingWorld(t, api.Caller{Name: "billing", KeySHA256: [][32]byte{sha256.Sum256([]byte("billing-key"))}},
		api.Caller{Name: "ops", MayOperate: true, KeySHA256: [][32]byte{sha256.Sum256([]byte("ops-key"))}})
	as := func(key string) (errs []error) {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+key)
		_, putting := w.kept().PutCredential(ctx, &hubv1.PutCredentialRequest{Connection: "shop", Name: "api_key", Value: "v", Overlap: durationpb.New(time.Hour)})
		_, listing := w.kept().ListCredentials(ctx, &hubv1.ListCredentialsRequest{Connection: "shop"})
		_, retiring := w.kept().RetireCredential(ctx, &hubv1.RetireCredentialRequest{Connection: "shop", Name: "api_key", Version: 1, EvenLast: true})
		return []error{putting, listing, retiring}
	}
	for i, err := range as("billing-key") {
		if status.Code(err) != codes.PermissionDenied {
			t.Errorf("method %d: %v", i, err)
		}
	}
	for i, err := range as("ops-key") {
		if err != nil {
			t.Errorf("method %d: %v", i, err)
		}
	}
	var by string
	must(t, w.Hub.Store.Pool().QueryRow(t.Context(), `select string_agg(actor || ' ' || action, ', ' order by id) from audit where action like 'credential-%'`).Scan(&by))
	if by != "ops "+store.ActionCredentialPut+", ops "+store.ActionCredentialRetired {
		t.Errorf("the audit has %q", by)
	}
}

func TestAHubWithoutKeysKeepsNoCredentials(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, a := range []answer{w.post("/v1/connections/shop/credentials/api_key/versions", `{"value": "v"}`), w.get("/v1/connections/shop/credentials")} {
		if a.code != http.StatusBadRequest || a.reason() != "CREDENTIAL_REFUSED" || !strings.Contains(a.text, "keys") {
			t.Errorf("%d %s", a.code, a.text)
		}
	}
}
