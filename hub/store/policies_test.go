package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/store"
)

func open(t *testing.T) *store.Store {
	t.Helper()
	db, err := store.Open(context.Background(), hubtest.Database(t), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// preferring is a policy in which sources are heard in an order.
func preferring(sources ...string) store.Policy {
	return store.Policy{Config: hubtest.Preferring(sources...)}
}

// activated fails the test on errors.
func activated(t *testing.T) func(*store.Policy, error) *store.Policy {
	return func(p *store.Policy, err error) *store.Policy {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
}

func TestPolicyVersionsOnlyGrow(t *testing.T) {
	t.Parallel()
	db, ctx, must := open(t), t.Context(), activated(t)
	if _, err := db.ActivePolicy(ctx); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("before the first: %v", err)
	}
	first := preferring("a", "b")
	first.ActivatedBy, first.Comment, first.PolicyOrigin = "ada", "begin", store.PolicyOrigin{File: "x.yaml", Lines: map[string]int{"customer/attributes/*": 7}}
	a := must(db.ActivatePolicy(ctx, first))
	b := must(db.ReplacePolicy(ctx, a.Version, preferring("b", "a")))
	if same := must(db.ActivatePolicy(ctx, preferring("b", "a"))); same.Version != b.Version {
		t.Errorf("the active policy was activated again as %d", same.Version)
	}
	if _, err := db.ReplacePolicy(ctx, a.Version, preferring("a")); !errors.Is(err, store.ErrPolicyMoved) {
		t.Errorf("a replacement of a version that is not active: %v", err)
	}
	if _, err := db.OfferPolicy(ctx, first); !errors.Is(err, store.ErrSuperseded) {
		t.Errorf("an offer of a policy that was replaced: %v", err)
	}
	c := must(db.ActivatePolicy(ctx, first))
	if c.Repeats != a.Version || b.Repeats != 0 || a.Version >= b.Version || b.Version >= c.Version {
		t.Errorf("versions %d, %d, %d, of which the last repeats %d", a.Version, b.Version, c.Version, c.Repeats)
	}
	active := must(db.ActivePolicy(ctx))
	if active.Version != c.Version || active.ActivatedBy != "ada" || active.Comment != "begin" || active.ActivatedAt.IsZero() || active.File != "x.yaml" ||
		active.Lines["customer/attributes/*"] != 7 || !proto.Equal(active.Config["customer"], first.Config["customer"]) {
		t.Errorf("the active version: %+v", active)
	}
	all, err := db.PolicyVersions(ctx, c.Version, 10)
	if err != nil || len(all) != 2 || all[0].Version != b.Version || all[1].Digest != active.Digest {
		t.Errorf("before the last: %v %v", all, err)
	}
}

func TestManyHubsStartWithTheirFilesAtOnce(t *testing.T) {
	t.Parallel()
	db := open(t)
	files := []store.Policy{preferring("a"), preferring("b"), preferring("c")}
	var wg sync.WaitGroup
	for i := range 24 {
		wg.Go(func() {
			if _, err := db.OfferPolicy(context.Background(), files[i%3]); err != nil && !errors.Is(err, store.ErrSuperseded) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	all, err := db.PolicyVersions(t.Context(), 0, 100)
	if err != nil || len(all) != 3 {
		t.Errorf("%d versions, want one for each file (%v)", len(all), err)
	}
}

func TestAPolicysSumIsOfWhatItSays(t *testing.T) {
	t.Parallel()
	policy := func(change func(*configv1.KindPolicy)) store.Policy {
		p := preferring("a", "b", "c", "d")
		p.Phases = map[string]string{"a": "linking", "b": "shadow"}
		k := p.Config["customer"]
		k.Attributes["email"] = &configv1.Rule{Latest: []string{"a", "b"}, Skew: durationpb.New(1)}
		k.Attributes["phone"] = &configv1.Rule{Authority: "a"}
		change(k)
		return p
	}
	same := func(*configv1.KindPolicy) {}
	p := policy(same)
	want := p.Sum()
	for range 20 { // maps have no order
		if again := policy(same); again.Sum() != want {
			t.Fatal("the same policy has another sum")
		}
	}
	seen := map[[32]byte]string{want: "the policy itself"}
	for name, change := range map[string]func(*configv1.KindPolicy){
		"a source less": func(k *configv1.KindPolicy) { k.Create = k.Create[:3] },
		"another order": func(k *configv1.KindPolicy) { k.Create[0], k.Create[1] = k.Create[1], k.Create[0] },
		"joined names":  func(k *configv1.KindPolicy) { k.Create = []string{"ab", "c", "d"} },
		"another skew":  func(k *configv1.KindPolicy) { k.Attributes["email"].Skew = durationpb.New(2) },
		"another mode":  func(k *configv1.KindPolicy) { k.Attributes["phone"] = &configv1.Rule{Prefer: []string{"a"}} },
		"another path": func(k *configv1.KindPolicy) {
			k.Attributes["note"] = k.Attributes["phone"]
			delete(k.Attributes, "phone")
		},
		"nothing created":  func(k *configv1.KindPolicy) { k.Targets["a"].Create = false },
		"an empty message": func(k *configv1.KindPolicy) { k.Delete = &configv1.Delete{} },
		"a newer field":    func(k *configv1.KindPolicy) { k.ProtoReflect().SetUnknown([]byte{0xfa, 0x3e, 0x01, 'x'}) },
	} {
		changed := policy(change)
		sum := changed.Sum()
		if other, taken := seen[sum]; taken {
			t.Errorf("%s has the sum of %s", name, other)
		}
		seen[sum] = name
	}
	phase := policy(same)
	phase.Phases["b"] = "linking"
	if phase.Sum() == want {
		t.Error("another phase has the same sum")
	}
}
