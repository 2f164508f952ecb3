package hubspot

import (
	"context"
	"errors"
	"slices"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
)

// confirm reads the object as it is after a write. What somebody changed between the write and the read is none of the
// write's: then the answer to the write tells what became of what was written, and nothing else is told.
func (a *account) confirm(ctx context.Context, t task, id string, f frozen, answer *object) (adapters.Ack, error) {
	o, err := a.written(ctx, t, id)
	f.settle(o, answer)
	changed := err == nil && answer != nil && answer.at().Before(o.at())
	if err == nil && o.ignoredStage(f) && !(changed && !answer.ignoredStage(f)) {
		changed = false
		o, err = a.moveBack(ctx, t, id, f)
	}
	if err != nil {
		return adapters.Ack{}, maybeDone(err)
	}
	if changed {
		own := answer.observe(a.connection)
		own.Paths = slices.DeleteFunc(t.kind.spokenOf(own), func(path string) bool { return !slices.Contains(f.Paths, path) })
		if len(own.Paths) == len(f.Paths) {
			own.RecordID = adapters.ReadRecordID(string(o.Properties[recordIDProperty]))
			return adapters.Ack{Observation: own}, nil
		}
	}
	return adapters.Ack{Observation: o.observe(a.connection)}, nil
}

// settle says of the read, and of the answer to the write, who asks: an answer tells no associations, and where there are
// others beside the contact that was just written, it is that one.
func (f frozen) settle(o, answer *object) {
	id, writes := f.Properties[contactsProperty]
	if !writes {
		return
	}
	if answer != nil {
		answer.Properties[contactsProperty] = value(id)
	}
	if o != nil && slices.Contains(o.contacts(), id) {
		o.Properties[contactsProperty] = value(id)
	}
}

// spokenOf are the attributes that an observation tells.
func (k *kind) spokenOf(o adapters.Observation) []string {
	if o.Paths != nil {
		return slices.Clone(o.Paths)
	}
	all := make([]string, len(k.rows))
	for i, row := range k.rows {
		all[i] = row.path
	}
	return all
}

// written reads an object that is written to, or just was.
func (a *account) written(ctx context.Context, t task, id string) (*object, error) {
	o, err := a.get(ctx, t, id)
	switch {
	case err != nil:
		return nil, err
	case o.Archived:
		return nil, &fault.Error{Category: fault.Gone, Op: t.op, Message: "the " + t.kind.one + " was archived"}
	case string(o.ID) != id:
		return nil, &fault.Error{Category: fault.Gone, Op: t.op, Message: "the " + t.kind.one + " was merged into another one"}
	}
	return o, nil
}

// ignoredStage says that the stage written is not the stage held: HubSpot leaves out, without a word, what would move
// a contact back.
func (o *object) ignoredStage(f frozen) bool {
	want := f.Properties["lifecyclestage"]
	return want != "" && string(o.Properties["lifecyclestage"]) != want
}

// moveBack clears the stage and sets it, which is how HubSpot wants it done. Done twice, it comes to the same.
func (a *account) moveBack(ctx context.Context, t task, id string, f frozen) (*object, error) {
	for _, stage := range []string{"", f.Properties["lifecyclestage"]} {
		if _, _, err := a.patch(ctx, t, id, map[string]string{"lifecyclestage": stage}); err != nil {
			return nil, err
		}
	}
	o, err := a.written(ctx, t, id)
	if err != nil || !o.ignoredStage(f) {
		return o, err
	}
	stuck := &fault.Error{Category: fault.Permanent, Op: t.op, Message: "HubSpot took the write and left the stage as it was"}
	refused(stuck, "lifecycle_stage", "HubSpot keeps another stage")
	return nil, stuck
}

// maybeDone marks a failure behind a write that was done. One that names what HubSpot refused is not marked: the rest
// is sent again without it.
func maybeDone(err error) error {
	var f *fault.Error
	if !errors.As(err, &f) || len(f.Refused) > 0 {
		return err
	}
	marked := *f
	marked.MaybeDone = true
	return &marked
}
