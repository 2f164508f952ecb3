package apply_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// etag is that of a record as it is now.
func (w *world) etag(id store.RecordID) string {
	return store.Etag(id, w.Bundle(id).Record.Revision)
}

// write makes a write that is expected to succeed.
func (w *world) write(t *testing.T, in apply.Write) apply.Written {
	t.Helper()
	written, err := w.Applier.Write(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return written
}

// refused makes a write that is expected to be refused for a reason, and returns why it was.
func (w *world) refused(t *testing.T, in apply.Write, want apply.WriteReason) *apply.WriteError {
	t.Helper()
	_, err := w.Applier.Write(t.Context(), in)
	if got := reasonOf(err); got != want {
		t.Fatalf("%v (%s), want %s", err, got, want)
	}
	return asWriteError(err)
}

func TestAnEditOfAnotherAttributeFailsNoWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t, written)
	id := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID
	in := say(id, "", "+491")
	in.Etag = w.etag(id)
	w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada L.", "ada@example.com")))
	w.write(t, in)
	in = say(id, "", "+492") // with the etag of before the first write
	in.Etag = store.Etag(id, 1)
	why := w.refused(t, in, apply.Outdated)
	if len(why.Paths) != 1 || why.Paths[0] != "phone" || why.Etag != w.etag(id) {
		t.Errorf("%+v, want phone and the present etag", why)
	}
	if got := w.customer(id).GetPhone(); got != "+491" {
		t.Errorf("the phone is %s", got)
	}
}

func TestAnEtagThatReachesFurtherBackThanTheChangesIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, written)
	id := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID
	for _, phone := range []string{"+491", "+492"} {
		w.Observe("shop", w.shop.Edit("s1", hubtest.Phone(phone)))
	}
	if _, err := w.Store.Pool().Exec(t.Context(), `delete from changes where revision < 3`); err != nil {
		t.Fatal(err)
	}
	in := say(id, "eve@example.com", "")
	in.Etag = store.Etag(id, 1)
	w.refused(t, in, apply.Outdated)
	in.Etag = store.Etag(id, 2) // all changes since are known
	w.write(t, in)
}

// Of two etags that cover an attribute, that of the more specific path counts.
func TestTheMoreSpecificPathsEtagCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, written)
	id := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID
	in := address(id, "Berlin")
	w.write(t, in)
	old, now := store.Etag(id, 1), w.etag(id)
	for range 20 { // maps have no order
		in.PathEtags = map[model.Path]string{"billing_address": old, "billing_address.city": now}
		w.write(t, in)
		in.PathEtags = map[model.Path]string{"billing_address": now, "billing_address.city": old}
		w.refused(t, in, apply.Outdated)
	}
}

// An etag for what is not written guards nothing: it is a mistake that the caller is told of.
func TestAnEtagForWhatIsNotWrittenIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, written)
	id := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID
	in := say(id, "", "+491")
	for _, path := range []model.Path{"phnoe", "email"} {
		in.PathEtags = map[model.Path]string{path: store.Etag(id, 1)}
		if why := w.refused(t, in, apply.NoPath); len(why.Paths) != 1 || why.Paths[0] != path {
			t.Errorf("%+v, want %s", why, path)
		}
	}
	in.Paths, in.PathEtags = append(in.Paths, "custom"), map[model.Path]string{"custom": store.Etag(id, 1)}
	w.write(t, in) // named, though there is none
}

// A record is deleted as it was read: whatever changed since, an attribute that is no more or a merge, fails it.
func TestADeleteWithAStaleEtagFailsWhateverChanged(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*world, store.RecordID){
		"custom attribute is gone": func(w *world, id store.RecordID) {
			w.Observe("shop", adapters.Observation{Object: adapters.Object{Kind: "customer", ExternalID: "s1"}, At: time.Now().Add(time.Hour),
				Paths: []string{"custom.*"}, Message: &canonicalv1.Customer{}})
		},
		"another record is part of it": func(w *world, id store.RecordID) {
			w.Merge(id, w.Observe("crm", w.crm.Edit("c1", hubtest.Named("A. L.", "lovelace@example.com"))).RecordID)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(p *configv1KindPolicy) { written(p); deletedBy("billing", "tombstone")(p) })
			id := w.Observe("shop", adapters.Observation{Object: adapters.Object{Kind: "customer", ExternalID: "s1"}, At: time.Now(),
				Paths: []string{"email", "custom.*"}, Message: &canonicalv1.Customer{Email: proto.String("ada@example.com"), Custom: tier("gold")}}).RecordID
			in := apply.Write{Cause: apply.Cause{Source: "billing"}, Kind: model.Customer, RecordID: id, Delete: true, Etag: w.etag(id)}
			change(w, id)
			w.refused(t, in, apply.Outdated)
			in.Etag = w.etag(id)
			w.write(t, in)
			w.write(t, in) // sent again: it is deleted
		})
	}
}
