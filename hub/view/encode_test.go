package view_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	storev1 "github.com/canonhub/canonhub/gen/canonhub/store/v1"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/view"
)

func reopen(t testing.TB, v *view.View) *view.View {
	t.Helper()
	stored, err := v.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := view.Decode(schema, stored)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

func TestAStoredViewIsTheSameView(t *testing.T) {
	s := begin(t)
	check := func() {
		t.Helper()
		again := reopen(t, s.v)
		if diff := cmp.Diff(describe(s.v.State()), describe(again.State())); diff != "" {
			t.Errorf("state after storing (-before +after):\n%s", diff)
		}
		if again.Newest() != s.v.Newest() {
			t.Errorf("newest is %s, was %s", again.Newest(), s.v.Newest())
		}
		s.v = again
	}
	check()
	s.observe(view.Observation{Message: customer("email=z"), Paths: pathsIn("email")}, view.Applied) // a claim since ever
	check()
	for second := 1; second < 10; second++ {
		o := snapshot(second, "email=a phone=1 custom.tier=gold")
		o.Stamp = view.Stamp{Version: int64(second), Time: time.Unix(100, 5).UTC()}
		if second == 4 {
			o.Paths = slices.Delete(slices.Clone(carried), 1, 2)
		}
		s.v.Observe(o)
		check()
	}
	s.v.Deliver(view.Delivery{After: s.v.Newest(), Stamp: s.v.Newest(), Sent: customer("email=X"), Paths: pathsIn("email"), Held: customer("email=x phone=1 custom.tier=gold"), HeldPaths: carried})
	check()
	s.v.Observe(view.Observation{Stamp: view.Stamp{Version: 11}, Message: customer("custom.tier="), Paths: []model.Path{"custom.*", "phone"}})
	check()
	s.is("email: said a@1, held x, agreed X", "phone: said -@11", "custom.tier: said -@11")
}

func TestARefusalAndWhatIsUnusableAreStored(t *testing.T) {
	v := view.New(schema)
	v.Refuse("phone", customer("phone=1"), "cut in a rune: \xe2\x82", time.Unix(7, 0))
	v.Unusable = []view.Unusable{{Path: "email", Raw: "raw\xff", Reason: "not an address"}}
	again := reopen(t, v)
	refusal := again.Refused["phone"]
	if !schema.Equal(refusal.Message, customer("phone=1"), "phone") || refusal.Reason != "cut in a rune: \uFFFD" || !refusal.Time.Equal(time.Unix(7, 0)) {
		t.Errorf("the refusal is %+v", refusal)
	}
	if want := []view.Unusable{{Path: "email", Raw: "raw\uFFFD", Reason: "not an address"}}; !slices.Equal(again.Unusable, want) {
		t.Errorf("unusable is %q", again.Unusable)
	}
}

func TestFieldsOfANewerSchemaSurviveInTheView(t *testing.T) {
	s := begin(t)
	newer := customer("email=a")
	newer.Name = nil
	newer.Custom = nil
	newer.ProtoReflect().SetUnknown([]byte{0xfa, 0xff, 0x3f, 0x01, 'x'})
	s.observe(view.Observation{Stamp: at(5), Message: newer, Paths: carried, Snapshot: true}, view.Applied)
	stored, err := reopen(t, s.v).Encode()
	if err != nil {
		t.Fatal(err)
	}
	in := &storev1.View{}
	if err := proto.Unmarshal(stored, in); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(in.GetEntries()[0].GetMessage()), "\x01x") {
		t.Error("the stored observation lost a field of a newer schema")
	}
}

func TestAViewThatCannotBeReadIsAnError(t *testing.T) {
	for name, stored := range map[string][]byte{
		"no message":         {0xff},
		"a broken entry":     marshal(t, &storev1.View{Entries: []*storev1.Entry{{Message: []byte{0xff}}}}),
		"a broken base":      marshal(t, &storev1.View{Base: &storev1.Side{Held: []byte{0xff}}}),
		"a broken refusal":   marshal(t, &storev1.View{Refused: map[string]*storev1.Refusal{"email": {Message: []byte{0xff}}}}),
		"a broken agreement": marshal(t, &storev1.View{Entries: []*storev1.Entry{{Delivered: []string{"email"}, Agreed: []byte{0xff}}}}),
	} {
		if _, err := view.Decode(schema, stored); err == nil {
			t.Errorf("%s is decoded without an error", name)
		}
	}
}

func TestStampsAreStoredExactly(t *testing.T) {
	for _, stamp := range []view.Stamp{{}, {Version: 3}, {Time: time.Unix(5, 7).UTC()}, {Time: time.Unix(0, 0).UTC()}, {Version: -1, Time: time.Unix(-5, 0).UTC()}} {
		if got := view.DecodeStamp(view.EncodeStamp(stamp)); got != stamp {
			t.Errorf("%s became %s", stamp, got)
		}
	}
	if view.EncodeStamp(view.Stamp{}) != nil {
		t.Error("the zero stamp is stored")
	}
}

func marshal(t testing.TB, m proto.Message) []byte {
	t.Helper()
	out, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// FuzzDecode: whatever is stored, a view is read or refused, and what is read can be used.
func FuzzDecode(f *testing.F) {
	v := view.New(schema)
	v.Observe(snapshot(5, "email=a custom.tier=gold"))
	v.Deliver(delivery(5, 6, "email=X", "email=x custom.tier=gold"))
	v.Refuse("phone", customer("phone=1"), "no", time.Unix(7, 0))
	for second := range 12 {
		stored, err := v.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(stored)
		v.Observe(snapshot(7+second, "email=b phone=2"))
	}
	f.Add(marshal(f, &storev1.View{SnapshotPaths: []string{"custom.*", "no such path", "custom.", "custom.*"}, Entries: []*storev1.Entry{{Snapshot: true}, {Delivered: []string{"custom.A", ""}}}}))
	f.Fuzz(func(t *testing.T, stored []byte) {
		v, err := view.Decode(schema, stored)
		if err != nil {
			return
		}
		v.State()
		v.Observe(snapshot(5, "email=a custom.tier=gold"))
		v.Observe(read(5, "email=b"))
		v.Deliver(delivery(5, 6, "email=x custom.tier=gold", "email=y"))
		v.State()
		if _, err := v.Encode(); err != nil {
			t.Fatalf("what was decoded cannot be stored: %v", err)
		}
	})
}
