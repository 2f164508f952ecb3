package adaptertest_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
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
	Held     map[string]string `json:"held,omitempty"` // of a frozen request
	Gone     bool              `json:"gone,omitempty"`
	Merged   string            `json:"merged_into,omitempty"`
}

// noThing is what the toy vendor says of one that is not there.
const noThing = `{"error":"no such thing"}`

// toyVendor is the least that a sandbox needs: objects, idempotency keys, faults, and webhooks that are tried again.
type toyVendor struct {
	settings adapters.Settings
	client   *http.Client
	sending  sync.WaitGroup
	shape    func(*thing) any

	mu     sync.Mutex
	things map[string]*thing
	keys   map[string][]byte // answers by idempotency key
	faults []adaptertest.Fault
	last   int64
	stamp  int64
}

func startToy(t testing.TB, s adapters.Settings) *adaptertest.Fixture {
	return startVendor(t, s, func(t *thing) any { return t })
}

// startVendor starts a vendor whose webhooks show things in a shape.
func startVendor(t testing.TB, s adapters.Settings, shape func(*thing) any) *adaptertest.Fixture {
	v := &toyVendor{settings: s, shape: shape, client: &http.Client{}, things: map[string]*thing{}, keys: map[string][]byte{}}
	server := httptest.NewServer(v)
	t.Cleanup(server.Close)
	t.Cleanup(v.client.CloseIdleConnections)
	return &adaptertest.Fixture{
		BaseURL: server.URL, Seed: v.seed, SeedMany: v.seedMany, Merge: v.merge, Edit: v.edit, Delete: v.remove, Count: v.count, Sample: sample, Inject: v.inject, Settled: v.settled,
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

// now is the clock; it never shows one time twice.
func (v *toyVendor) now() int64 {
	v.stamp = max(v.stamp+1, v.settings.Now().UnixMilli())
	return v.stamp
}

func (v *toyVendor) seed(adapters.Kind) adapters.ExternalID {
	v.mu.Lock()
	defer v.mu.Unlock()
	made := v.add(v.now())
	v.tell("created", made)
	return adapters.ExternalID(made.ID)
}

func (v *toyVendor) seedMany(_ adapters.Kind, n int) (ids []adapters.ExternalID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	at := v.now()
	for range n {
		ids = append(ids, adapters.ExternalID(v.add(at).ID))
	}
	return ids
}

func (v *toyVendor) add(at int64) *thing {
	made := &thing{ID: v.next(), Updated: at}
	made.Fields = map[string]string{"email": "seed" + made.ID + "@example.com", "full_name": "Seed " + made.ID, "company": "Seeds", "stage": "lead", "c_tier": "1"}
	v.things[made.ID] = made
	return made
}

func (v *toyVendor) merge(_ adapters.Kind, one, other adapters.ExternalID) (gone, lives adapters.ExternalID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	loser, winner := v.things[string(other)], v.things[string(one)]
	loser.Gone, loser.Merged, loser.Updated, winner.Updated = true, string(one), v.now(), v.now()
	v.tell("deleted", loser)
	v.tell("updated", winner)
	return other, one
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
	removed := v.things[string(o.ExternalID)]
	removed.Gone, removed.Updated = true, v.now()
	v.tell("deleted", removed)
	return true
}

func (v *toyVendor) count(adapters.Kind) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := 0
	for _, each := range v.things {
		if !each.Gone {
			n++
		}
	}
	return n
}

func (v *toyVendor) inject(f adaptertest.Fault) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.faults = append(v.faults, f)
}

func (v *toyVendor) settled(context.Context) error { v.sending.Wait(); return nil }

// tell sends a webhook until it is taken.
func (v *toyVendor) tell(what string, about *thing) {
	body, _ := json.Marshal(map[string]any{"id": "evt_" + v.next(), "type": what, "at": about.Updated, "object": v.shape(about)})
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
	w.Header().Set("Toy-Left", "7")
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
	case r.URL.Path == "/count":
		n := 0
		for _, each := range v.things {
			if !each.Gone {
				n++
			}
		}
		return http.StatusOK, fmt.Appendf(nil, `{"count":%d}`, n)
	case r.Method == http.MethodGet && r.URL.Query().Has("limit"):
		return v.page(r.URL.Query())
	case r.Method == http.MethodGet && r.URL.Path == "/things":
		for _, each := range v.things {
			if each.RecordID == r.URL.Query().Get("record_id") && !each.Gone {
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
	case v.things[id] == nil || v.things[id].Gone && (v.things[id].Merged == "" || r.Method != http.MethodGet):
		return http.StatusNotFound, []byte(noThing)
	case r.Method == http.MethodDelete:
		v.things[id].Gone, v.things[id].Updated = true, v.now()
	case r.Method == http.MethodPatch:
		v.write(v.things[id], body)
	}
	return jsonOf(v.things[id])
}

// page lists by time and id: what is at or after `since`, and after the place `at`, `id`; or from `offset`.
func (v *toyVendor) page(q url.Values) (int, []byte) {
	number := func(name string) int64 { n, _ := strconv.ParseInt(q.Get(name), 10, 64); return n }
	all := []*thing{}
	for _, each := range v.things {
		id, _ := strconv.ParseInt(each.ID, 10, 64)
		after := each.Updated > number("at") || each.Updated == number("at") && id > number("id")
		if each.Updated >= number("since") && after && (!each.Gone || q.Get("since") != "") {
			all = append(all, each)
		}
	}
	slices.SortFunc(all, func(a, b *thing) int {
		return cmp.Or(cmp.Compare(a.Updated, b.Updated), cmp.Compare(len(a.ID), len(b.ID)), cmp.Compare(a.ID, b.ID))
	})
	all = all[min(int(number("offset")), len(all)):]
	out, _ := json.Marshal(map[string]any{"things": all[:min(int(number("limit")), len(all))]})
	return http.StatusOK, out
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
