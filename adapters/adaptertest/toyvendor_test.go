package adaptertest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/adaptertest"
	"github.com/canonhub/canonhub/adapters/signature"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// thing is the toy vendor's only object.
type thing struct {
	ID       string            `json:"id"`
	Updated  int64             `json:"updated"`
	RecordID string            `json:"record_id,omitempty"`
	Fields   map[string]string `json:"fields"`
}

// toyVendor is the least that a sandbox needs: objects, idempotency keys, faults, and webhooks that are tried again.
type toyVendor struct {
	settings adapters.Settings
	client   *http.Client
	sending  sync.WaitGroup

	mu     sync.Mutex
	things map[string]*thing
	keys   map[string][]byte // answers by idempotency key
	faults []adaptertest.Fault
	last   int64
}

func startToy(t testing.TB, s adapters.Settings) *adaptertest.Fixture {
	v := &toyVendor{settings: s, client: &http.Client{}, things: map[string]*thing{}, keys: map[string][]byte{}}
	server := httptest.NewServer(v)
	t.Cleanup(server.Close)
	t.Cleanup(v.client.CloseIdleConnections)
	return &adaptertest.Fixture{
		BaseURL: server.URL, Seed: v.seed, Edit: v.edit, Delete: v.remove, Count: v.count, Sample: sample, Inject: v.inject, Settled: v.settled,
	}
}

func sample(adapters.Kind) (first, second proto.Message) {
	customer := func(name, company string, stage canonicalv1.LifecycleStage) *canonicalv1.Customer {
		value := func(text string) *canonicalv1.CustomValue {
			return &canonicalv1.CustomValue{Value: &canonicalv1.CustomValue_Text{Text: text}}
		}
		return &canonicalv1.Customer{
			Name: &canonicalv1.PersonName{Full: &name}, Email: proto.String(strings.ToLower(name) + "@example.com"), Company: &company, LifecycleStage: &stage,
			Custom: map[string]*canonicalv1.CustomValue{"tier": value(name), "colour": value(company)},
		}
	}
	return customer("Ada", "Engines", canonicalv1.LifecycleStage_LIFECYCLE_STAGE_LEAD), customer("Grace", "Compilers", canonicalv1.LifecycleStage_LIFECYCLE_STAGE_CUSTOMER)
}

func (v *toyVendor) next() string { v.last++; return strconv.FormatInt(v.last, 10) }

func (v *toyVendor) now() int64 {
	v.last++
	return time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC).UnixMilli() + v.last
}

func (v *toyVendor) seed(adapters.Kind) adapters.ExternalID {
	v.mu.Lock()
	defer v.mu.Unlock()
	made := &thing{ID: v.next(), Updated: v.now()}
	made.Fields = map[string]string{"email": "seed" + made.ID + "@example.com", "full_name": "Seed " + made.ID, "company": "Seeds", "stage": "lead", "c_tier": "1"}
	v.things[made.ID] = made
	v.tell("created", made)
	return adapters.ExternalID(made.ID)
}

func (v *toyVendor) edit(o adapters.Object) {
	v.mu.Lock()
	defer v.mu.Unlock()
	edited := v.things[string(o.ExternalID)]
	edited.Updated = v.now()
	edited.Fields["company"] = "Edited " + v.next()
	v.tell("updated", edited)
}

func (v *toyVendor) remove(o adapters.Object) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.tell("deleted", v.things[string(o.ExternalID)])
	delete(v.things, string(o.ExternalID))
	return true
}

func (v *toyVendor) count(adapters.Kind) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.things)
}

func (v *toyVendor) inject(f adaptertest.Fault) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.faults = append(v.faults, f)
}

func (v *toyVendor) settled(context.Context) error { v.sending.Wait(); return nil }

// tell sends a webhook until it is taken.
func (v *toyVendor) tell(what string, about *thing) {
	body, _ := json.Marshal(map[string]any{"id": "evt_" + v.next(), "type": what, "at": about.Updated, "object": about})
	v.sending.Go(func() {
		for {
			d := signToy(v.settings, body, v.settings.WebhookSecrets[0], v.settings.Now())
			r, _ := http.NewRequest(d.Method, v.settings.PublicURL, bytes.NewReader(body))
			r.Header = d.Header
			answer, err := v.client.Do(r)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
	})
}

func signToy(_ adapters.Settings, body []byte, secret adapters.Secret, at time.Time) adapters.Delivery {
	return adapters.Delivery{Method: "POST", Body: body, ReceivedAt: at,
		Header: http.Header{"Content-Type": {"application/json"}, "Toy-Signature": {signature.SignStripe(body, secret, at)}}}
}

// ServeHTTP is the API.
func (v *toyVendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	fault := v.due(r.Method)
	if fault != nil && !fault.AfterWork {
		fail(w, r, *fault)
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+v.settings.Credentials["token"].Reveal() {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	status, answer := v.work(r, body)
	if fault != nil {
		fail(w, r, *fault)
		return
	}
	w.WriteHeader(status)
	_, _ = w.Write(answer)
}

func (v *toyVendor) due(method string) *adaptertest.Fault {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i, f := range v.faults {
		if !f.Write || method != http.MethodGet {
			v.faults = append(v.faults[:i:i], v.faults[i+1:]...)
			return &f
		}
	}
	return nil
}

func fail(w http.ResponseWriter, r *http.Request, f adaptertest.Fault) {
	if f.Hang {
		<-r.Context().Done()
	}
	if f.Hang || f.Status == 0 {
		panic(http.ErrAbortHandler)
	}
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(int(f.RetryAfter.Seconds())))
	}
	w.WriteHeader(f.Status)
}

func (v *toyVendor) work(r *http.Request, body []byte) (int, []byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	id := strings.TrimPrefix(r.URL.Path, "/things/")
	key := r.Header.Get("Idempotency-Key")
	switch {
	case r.URL.Path == "/ping":
		return http.StatusOK, []byte("{}")
	case r.Method == http.MethodGet && r.URL.Path == "/things":
		for _, each := range v.things {
			if each.RecordID == r.URL.Query().Get("record_id") {
				return jsonOf(each)
			}
		}
		return http.StatusOK, []byte("null")
	case r.Method == http.MethodPost && v.keys[key] != nil:
		return http.StatusOK, v.keys[key]
	case r.Method == http.MethodPost:
		made := &thing{ID: v.next(), Fields: map[string]string{}}
		v.things[made.ID] = made
		v.write(made, body)
		_, answer := jsonOf(made)
		v.keys[key] = answer
		return http.StatusOK, answer
	case v.things[id] == nil:
		return http.StatusNotFound, nil
	case r.Method == http.MethodPatch:
		v.write(v.things[id], body)
	}
	return jsonOf(v.things[id])
}

func (v *toyVendor) write(to *thing, body []byte) {
	var in thing
	_ = json.Unmarshal(body, &in)
	if in.RecordID != "" {
		to.RecordID = in.RecordID
	}
	to.Updated = v.now()
	maps.Copy(to.Fields, in.Fields)
	maps.DeleteFunc(to.Fields, func(_, text string) bool { return text == "" })
}

func jsonOf(t *thing) (int, []byte) {
	out, _ := json.Marshal(t)
	return http.StatusOK, out
}
