package converge_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	storev1 "github.com/canonhub/canonhub/gen/canonhub/store/v1"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/policy"
	"github.com/canonhub/canonhub/hub/store"
)

// request is a caller's, with the answer that the hub gave to it.
type request struct {
	write   apply.Write
	written apply.Written
}

// people is what callers and operators do.
func (w *world) people(t *rapid.T, what string) {
	kind := model.Customer
	if oneIn(t, 5, "an order") {
		kind = model.Order
	}
	ids := w.records(kind)
	id, some := pick(w, ids, "record")
	if !some {
		return
	}
	switch what {
	case "merge":
		other, _ := pick(w, ids, "other record")
		w.try("merge %s and %s", []any{short(id), short(other)}, func(a *apply.Applier) error {
			_, err := a.Merge(background, apply.Merge{A: id, B: other, By: "ada", Why: "one party"})
			return err
		})
	case "part":
		w.part()
	case "link":
		w.link(id, kind)
	case "unlink":
		w.unlink(id)
	case "decide":
		w.decide(id, kind)
	case "judge":
		w.judge()
	case "remove":
		w.try("web deletes %s", []any{short(id)}, func(a *apply.Applier) error {
			_, err := a.Write(background, apply.Write{Cause: apply.Cause{Source: "web"}, Kind: kind, RecordID: id, Delete: true})
			return err
		})
	}
}

// usual are the answers that people may get to what they ask for.
var usual = []error{store.ErrNotFound, store.ErrReviewClosed, apply.ErrOtherKind, apply.ErrNotMerged, apply.ErrNoPolicy, apply.ErrLinked,
	apply.ErrNotLinked, apply.ErrNoAttribute, apply.ErrNoSide, apply.ErrNoDecision}

// try lets a person do something at a hub; the process may crash before it commits.
func (w *world) try(format string, args []any, do func(*apply.Applier) error) bool {
	h, _ := pick(w, w.hubs, "hub")
	err := do(h.applier)
	w.tick()
	var refused *apply.WriteError
	known := slices.ContainsFunc(usual, func(u error) bool { return errors.Is(err, u) }) || errors.As(err, &refused)
	if err != nil && !known {
		w.fail("%s: %v", fmt.Sprintf(format, args...), err)
	}
	told := "done"
	if err != nil {
		told = err.Error()
	}
	w.say("%s: %s", fmt.Sprintf(format, args...), told)
	w.always()
	return err == nil
}

// part undoes a merge.
func (w *world) part() {
	var merged []store.Record
	w.facts.records.each(func(_ store.RecordID, r store.Record) {
		if r.MergedInto != "" {
			merged = append(merged, r)
		}
	})
	r, some := pick(w, merged, "merged")
	if !some {
		return
	}
	w.try("part %s from %s", []any{short(r.ID), short(r.MergedInto)}, func(a *apply.Applier) error {
		_, _, err := a.Unmerge(background, apply.Unmerge{Survivor: r.MergedInto, Merged: r.ID, By: "ada", Why: "two parties"})
		return err
	})
}

// link links an object that the hub knows, or does not know yet, to a record.
func (w *world) link(id store.RecordID, kind model.Kind) {
	v, _ := pick(w, w.vendors, "where")
	o, some := pick(w, v.objects, "object")
	if !some || string(o.Kind) != string(kind) {
		return
	}
	l := apply.Link{RecordID: id, Object: store.LinkKey{Connection: v.name, Kind: kind, ExternalID: string(o.ExternalID)}, By: "ada",
		Move: rapid.Bool().Draw(w.t, "move"), Primary: rapid.Bool().Draw(w.t, "primary")}
	if w.try("link %s to %s (move %v, primary %v)", []any{o.ExternalID, short(id), l.Move, l.Primary}, func(a *apply.Applier) error {
		_, err := a.Link(background, l)
		return err
	}) {
		w.touched(l.Object)
	}
}

// unlink takes an object from a record.
func (w *world) unlink(id store.RecordID) {
	b := w.facts.bundle(w.facts.living(id))
	l, some := pick(w, b.Links, "link")
	if !some {
		return
	}
	if w.try("unlink %s from %s", []any{l.ExternalID, short(id)}, func(a *apply.Applier) error {
		_, err := a.Unlink(background, apply.Link{RecordID: id, Object: l.LinkKey, By: "ada"})
		return err
	}) {
		w.touched(l.LinkKey)
	}
}

// touched notes that a person linked an object, or took it from a record: it is heard again, and may find another; so
// is what refers to it.
func (w *world) touched(key store.LinkKey) {
	w.byHand[key] = true
	for _, o := range w.vendor(key.Connection).objects {
		if v := w.vendor(key.Connection); v.key(o) == key || o.Kind == "order" && text(o.message, "customer") == key.ExternalID {
			o.blurred = true
		}
	}
}

// decide is what an operator decides of one attribute.
func (w *world) decide(id store.RecordID, kind model.Kind) {
	paths := []model.Path{"email", "note", "company", "billing_address", "billing_address.city", "tags", "custom.tier"}
	if kind == model.Order {
		paths = []model.Path{"number"}
	}
	d := apply.Decision{RecordID: id, Path: rapid.SampledFrom(paths).Draw(w.t, "decided"), By: "ada", Why: "she knows"}
	how := rapid.SampledFrom([]string{"take", "keep", "withdraw", "authority", "pin", "set"}).Draw(w.t, "decision")
	switch how {
	case "take":
		d.Take = rapid.SampledFrom(w.sources()).Draw(w.t, "side")
	case "keep":
		d.Keep = true
	case "withdraw":
		d.Withdraw = true
	case "authority":
		d.Authority = rapid.SampledFrom(w.sources()).Draw(w.t, "side")
	case "pin":
		d.Authority = policy.Operator
	case "set":
		d.Message = model.For(kind).New()
		path := d.Path
		if path == "billing_address" {
			path = "billing_address.city"
		}
		setText(d.Message, path, w.value("o", path, nil))
	}
	w.try("ada decides %s of %s: %s %s%s", []any{d.Path, short(id), how, d.Take, d.Authority}, func(a *apply.Applier) error {
		_, err := a.Decide(background, d)
		return err
	})
}

// judge closes the review of a tug of war.
func (w *world) judge() {
	review, some := pick(w, w.facts.openReviews(store.TugOfWar), "review")
	if !some {
		return
	}
	how := rapid.SampledFrom([]store.Resolution{store.Resolved, store.Dismissed}).Draw(w.t, "resolution")
	w.try("the tug of war over %s of %s is %s", []any{review.Path, review.ExternalID, how}, func(a *apply.Applier) error {
		return a.Resume(background, &review, store.Closing{Resolution: how, By: "ada"})
	})
}

// write is what a caller says of a record, new or not.
func (w *world) write() {
	t := w.t
	in := apply.Write{Cause: apply.Cause{Source: "web", CorrelationID: "write"}, Kind: model.Customer}
	if oneIn(t, 6, "an order") {
		in.Kind = model.Order
	}
	ids := append(w.records(in.Kind), "")
	in.RecordID, _ = pick(w, ids, "record")
	in.Message = model.For(in.Kind).New()
	for range rapid.IntRange(1, 2).Draw(t, "attributes") {
		path := rapid.SampledFrom(attributes[in.Kind]).Draw(t, "attribute")
		if path == "customer" {
			if id := w.reference(nil); id != none {
				in.Message.(*canonicalv1.Order).Customer = &canonicalv1.Reference{Target: &canonicalv1.Reference_RecordId{RecordId: id}}
			}
		} else {
			setText(in.Message, path, w.value("w", path, nil))
		}
		in.Paths = append(in.Paths, path)
	}
	in.Strict = oneIn(t, 6, "strict")
	if in.RecordID != "" && oneIn(t, 3, "etag") {
		r, _ := w.facts.records.get(w.facts.living(in.RecordID))
		in.Etag = store.Etag(r.ID, max(1, r.Revision-store.Revision(rapid.IntRange(0, 2).Draw(t, "behind"))))
	}
	in.RequestID = fmt.Sprintf("request-%d", len(w.asked))
	in.Fingerprint = []byte(in.RequestID)
	asked := &request{write: in}
	if w.try("web writes %s: %s (%v)", []any{short(in.RecordID), tell(in.Message), in.Paths}, func(a *apply.Applier) (err error) {
		asked.written, err = a.Write(background, in)
		return err
	}) {
		w.heard(asked)
	}
	if oneIn(t, 3, "and once more") {
		w.again(asked)
	}
}

// heard notes what a caller said.
func (w *world) heard(r *request) {
	key := viewKey{r.written.RecordID, r.write.Source, ""}
	if w.said[key] == nil {
		w.said[key] = map[model.Path]string{}
	}
	for _, path := range r.write.Paths {
		w.said[key][path] = text(r.write.Message, path)
	}
	w.asked = append(w.asked, r)
}

// again is a caller who has not got the answer and asks once more: it is answered as before, and nothing happens.
func (w *world) again(r *request) {
	if r.written.RecordID == "" {
		return
	}
	before := w.fingerprint()
	written, err := w.hubs[len(w.hubs)-1].applier.Write(background, r.write)
	if err != nil || written.RecordID != r.written.RecordID || written.Revision != r.written.Revision || !bytes.Equal(encode(written.Outcomes), encode(r.written.Outcomes)) {
		w.fail("%s was answered with %v, and then with %v, %v", r.write.RequestID, r.written, written, err)
	}
	if after := w.fingerprint(); after != before {
		w.fail("%s was done twice", r.write.RequestID)
	}
}

func encode(outcomes []*storev1.Outcome) []byte {
	out, _ := proto.MarshalOptions{Deterministic: true}.Marshal(&storev1.Answer{Outcomes: outcomes})
	return out
}
