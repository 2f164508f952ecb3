package adaptertest

import (
	"regexp"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/hub/model"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

var recordIDForm = regexp.MustCompile(`^[a-z]+_[0-7][0-9a-hjkmnp-tv-z]{25}$`)

// checkTranslation judges what an event means: something, or nothing with the reason.
func checkTranslation(t testing.TB, s Suite, e adapters.Event, out adapters.Translation) {
	t.Helper()
	empty := len(out.Observations) == 0 && len(out.Fetch) == 0
	if empty != (out.Ignored != "") {
		t.Errorf("%s: %d observations, %d to fetch, ignored %q; want something, or a reason", e.Type, len(out.Observations), len(out.Fetch), out.Ignored)
	}
	for _, o := range out.Observations {
		checkObservation(t, s, o)
	}
	for _, o := range out.Fetch {
		if _, ok := s.carriage(o.Kind); !ok || o.ExternalID == "" {
			t.Errorf("%s: it fetches %s %q, which is not carried or has no id", e.Type, o.Kind, o.ExternalID)
		}
	}
}

// checkObservation judges one claim by itself.
func checkObservation(t testing.TB, s Suite, o adapters.Observation) {
	t.Helper()
	c, ok := s.carriage(o.Kind)
	if !ok || o.ExternalID == "" {
		t.Errorf("an observation of %s %q: not carried, or without an id", o.Kind, o.ExternalID)
		return
	}
	if o.At.IsZero() && o.Version == 0 {
		t.Errorf("%s %s: neither At nor Version orders the observation", o.Kind, o.ExternalID)
	}
	if o.RecordID != "" && !recordIDForm.MatchString(o.RecordID) {
		t.Errorf("%s %s: RecordID %q is no record's id; what anyone can write there must be checked", o.Kind, o.ExternalID, o.RecordID)
	}
	if o.Gone != (o.Message == nil) {
		t.Errorf("%s %s: gone is %v and the message is %v; a message is there unless it is gone", o.Kind, o.ExternalID, o.Gone, o.Message)
	}
	if len(o.Raw) == 0 {
		t.Errorf("%s %s: Raw is empty", o.Kind, o.ExternalID)
	}
	known := schema(t, o.Kind)
	for _, u := range o.Unusable {
		if u.Reason == "" || known.Check(model.Path(u.Path)) != nil {
			t.Errorf("%s %s: unusable at %q for the reason %q; want an attribute and a reason", o.Kind, o.ExternalID, u.Path, u.Reason)
		}
	}
	if o.Message != nil {
		checkMessage(t, c, known, o)
	}
}

// cleaned is an observation without the values that break the canonical form's rules, as the hub takes it.
func cleaned(t testing.TB, o adapters.Observation) adapters.Observation {
	t.Helper()
	if o.Message == nil {
		return o
	}
	known := schema(t, o.Kind)
	o.Message = proto.Clone(o.Message)
	for _, broken := range known.Broken(o.Message) {
		known.Clear(o.Message, broken.Path)
		o.Unusable = append(o.Unusable, adapters.Unusable{Path: string(broken.Path), Raw: broken.Raw, Reason: broken.Reason})
	}
	return o
}

func checkMessage(t testing.TB, c adapters.Carriage, known *model.Schema, o adapters.Observation) {
	t.Helper()
	if model.KindOf(o.Message) != model.Kind(o.Kind) {
		t.Errorf("%s %s: the message is a %s", o.Kind, o.ExternalID, o.Message.ProtoReflect().Descriptor().Name())
		return
	}
	for path := range known.Present(o.Message) {
		if !lists(c.In, string(path)) {
			t.Errorf("%s %s: the message says %s, which is not in Carriage.In", o.Kind, o.ExternalID, path)
		}
		if o.Paths != nil && !lists(o.Paths, string(path)) {
			t.Errorf("%s %s: the message says %s, which is not in Paths", o.Kind, o.ExternalID, path)
		}
	}
	for _, path := range o.Paths {
		if !lists(c.In, path) {
			t.Errorf("%s %s: Paths says %s, which is not in Carriage.In", o.Kind, o.ExternalID, path)
		}
	}
	eachReference(o.Message, func(r *canonicalv1.Reference) {
		if r.GetRecordId() != "" || r.GetExternal().GetConnection() != "" {
			t.Errorf("%s %s: the reference %v is no bare external id", o.Kind, o.ExternalID, r)
		}
	})
}

func eachReference(m proto.Message, visit func(*canonicalv1.Reference)) {
	if r, ok := m.(*canonicalv1.Reference); ok {
		visit(r)
		return
	}
	m.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if field.Kind() == protoreflect.MessageKind && !field.IsList() && !field.IsMap() {
			eachReference(value.Message().Interface(), visit)
		}
		return true
	})
}
