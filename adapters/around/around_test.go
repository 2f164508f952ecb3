package around_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/around"
	"github.com/canonhub/canonhub/adapters/httpapi"
)

// vendor can do everything.
type vendor struct{ err error }

func about(id string) adapters.Observation {
	return adapters.Observation{Object: adapters.Object{Kind: "customer", ExternalID: adapters.ExternalID(id)}}
}

func (v vendor) Verify(adapters.Delivery) (int, error)               { return 0, v.err }
func (v vendor) Split(adapters.Delivery) ([]adapters.Event, error)   { return nil, v.err }
func (v vendor) Handshake(adapters.Delivery) (adapters.Answer, bool) { return adapters.Answer{}, false }
func (v vendor) Acknowledge(adapters.Delivery) adapters.Answer       { return adapters.Answer{} }
func (v vendor) Probe(context.Context) error                         { return v.err }
func (v vendor) Prepare(adapters.Patch) (adapters.Request, error)    { return adapters.Request{}, v.err }
func (v vendor) List(context.Context, adapters.Query) (adapters.Listing, error) {
	return adapters.Listing{}, v.err
}

func (v vendor) Count(context.Context, adapters.Kind) (int, error) { return 0, v.err }

func (v vendor) Translate(adapters.Event) (adapters.Translation, error) {
	return adapters.Translation{Observations: []adapters.Observation{about("translated")}}, v.err
}

func (v vendor) Fetch(context.Context, adapters.Object) (adapters.Observation, error) {
	return about("fetched"), v.err
}

func (v vendor) Pull(context.Context, adapters.Query) (adapters.Page, error) {
	return adapters.Page{Observations: []adapters.Observation{about("pulled"), about("pulled too")}}, v.err
}

func (v vendor) Push(context.Context, adapters.Request) (adapters.Ack, error) {
	return adapters.Ack{Observation: about("pushed")}, v.err
}

func (v vendor) Find(context.Context, adapters.Request) (*adapters.Observation, error) {
	o := about("found")
	return &o, v.err
}

func (v vendor) Archive(context.Context, adapters.Request) (adapters.Observation, error) {
	return about("archived"), v.err
}

func all(v vendor) *adapters.Adapter {
	return &adapters.Adapter{MappingVersion: 7, Account: "acct_1", Translator: v, Webhook: v, Handshaker: v, Acknowledger: v, Fetcher: v, Puller: v, Lister: v, Counter: v,
		Pusher: v, Archiver: v, Prober: v}
}

// use calls every ability once, and gives the errors of those that call the vendor.
func use(a *adapters.Adapter) []error { return useUnder(context.Background(), a) }

func useUnder(ctx context.Context, a *adapters.Adapter) []error {
	_, translating := a.Translator.Translate(adapters.Event{})
	_, fetching := a.Fetcher.Fetch(ctx, adapters.Object{Kind: "customer"})
	_, pulling := a.Puller.Pull(ctx, adapters.Query{Kind: "customer"})
	_, listing := a.Lister.List(ctx, adapters.Query{Kind: "customer"})
	_, counting := a.Counter.Count(ctx, "customer")
	_, pushing := a.Pusher.Push(ctx, adapters.Request{Kind: "customer"})
	_, finding := a.Pusher.Find(ctx, adapters.Request{Kind: "customer"})
	_, archiving := a.Archiver.Archive(ctx, adapters.Request{Kind: "customer"})
	return []error{fetching, pulling, listing, counting, pushing, finding, archiving, a.Prober.Probe(ctx), translating}
}

var ops = []string{"fetch", "pull", "list", "count", "push", "find", "archive", "probe"}

func TestEveryCallIsWrappedOnceAndEveryObservationSeen(t *testing.T) {
	t.Parallel()
	var called, seen []string
	a := around.Adapter(all(vendor{}), around.Wrapping{
		Call: func(ctx context.Context, c around.Call, next func(context.Context) error) error {
			if (c.Kind == "") != (c.Op == "probe") {
				t.Errorf("%s is about %q", c.Op, c.Kind)
			}
			called = append(called, c.Op)
			return next(ctx)
		},
		Seen: func(op string, o adapters.Observation) { seen = append(seen, op+" "+string(o.ExternalID)) },
	})
	for _, err := range use(a) {
		if err != nil {
			t.Error(err)
		}
	}
	if !slices.Equal(called, ops) {
		t.Errorf("wrapped %v, want %v", called, ops)
	}
	if want := []string{"translate translated", "fetch fetched", "pull pulled", "pull pulled too", "push pushed", "find found", "archive archived"}; !slices.Equal(seen, want) {
		t.Errorf("seen %v, want %v", seen, want)
	}
	if a.MappingVersion != 7 || a.Account != "acct_1" {
		t.Errorf("the rest is %d, %q", a.MappingVersion, a.Account)
	}
}

// What a use of an ability asks is of one trace, and found under one correlation id: the caller's, where it has them.
func TestEveryCallIsTraced(t *testing.T) {
	t.Parallel()
	asked := 0
	for _, want := range []httpapi.Trace{{}, {CorrelationID: "pull_1"}, {CorrelationID: "c_1", TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}} {
		use := func(ctx context.Context, c around.Call, next func(context.Context) error) error {
			asked++
			got := httpapi.TraceFrom(ctx)
			if got.CorrelationID == "" || got.TraceParent == "" || want.CorrelationID != "" && got.CorrelationID != want.CorrelationID || want.TraceParent != "" && got != want {
				t.Errorf("%s is asked under %v with %v", c.Op, want, got)
			}
			return next(ctx)
		}
		for _, err := range useUnder(httpapi.WithTrace(context.Background(), want), around.Adapter(all(vendor{}), around.Wrapping{Call: use})) {
			if err != nil {
				t.Error(err)
			}
		}
	}
	if asked != 3*len(ops) {
		t.Errorf("%d calls were asked about", asked)
	}
}

func TestFailuresComeThroughAndAreNotSeen(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	seen := around.Wrapping{Seen: func(_ string, o adapters.Observation) { t.Errorf("seen: %s", o.ExternalID) }}
	for _, err := range use(around.Adapter(all(vendor{broken}), seen)) {
		if !errors.Is(err, broken) {
			t.Errorf("the vendor's failure came as %v", err)
		}
	}
	seen.Call = func(context.Context, around.Call, func(context.Context) error) error { return broken }
	seen.Translate = func(adapters.Event, func() error) error { return broken }
	for _, err := range use(around.Adapter(all(vendor{}), seen)) {
		if !errors.Is(err, broken) {
			t.Errorf("the wrapping's failure came as %v", err)
		}
	}
}

// A field that is added to Adapter and forgotten here fails: it is nil where it should not be, or there where it should not.
func TestNoAbilityIsHiddenAndNoneIsMadeUp(t *testing.T) {
	t.Parallel()
	full, none := reflect.ValueOf(*around.Adapter(all(vendor{}), around.Wrapping{})), reflect.ValueOf(*around.Adapter(&adapters.Adapter{Translator: vendor{}}, around.Wrapping{}))
	passed := []string{"Webhook", "Handshaker", "Acknowledger"}
	for i := range full.NumField() {
		name := full.Type().Field(i).Name
		if full.Field(i).Kind() != reflect.Interface {
			continue
		}
		if full.Field(i).IsNil() {
			t.Errorf("%s is hidden", name)
		} else if _, plain := full.Field(i).Interface().(vendor); plain != slices.Contains(passed, name) {
			t.Errorf("%s is passed as it is: %v", name, plain)
		}
		if name != "Translator" && !none.Field(i).IsNil() {
			t.Errorf("%s is made up", name)
		}
	}
}
