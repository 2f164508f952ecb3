package hubspot

import (
	"context"
	"slices"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/mapping"
)

// confirm reads the object as it is after a write. What somebody changed between the write and the read is none of the
// write's: then the answer to the write tells what became of what was written, and nothing else is told.
func (a *account) confirm(ctx context.Context, t task, id string, answer *object) (adapters.Ack, error) {
	o, err := a.present(ctx, t, id)
	t.settle(o, answer)
	changed := err == nil && answer != nil && answer.at().Before(o.at())
	if err == nil && t.stageIgnored(o) && !(changed && !t.stageIgnored(answer)) {
		changed = false
		o, err = a.moveBack(ctx, t, id)
	}
	if err != nil {
		return adapters.Ack{}, fault.Done(err)
	}
	if changed {
		own := answer.observe(a.connection)
		if own.Paths == nil {
			own.Paths = t.kind.Carriage().In
		}
		own.Paths = slices.DeleteFunc(own.Paths, func(path string) bool { return !slices.Contains(t.paths, path) })
		if len(own.Paths) == len(t.paths) {
			own.RecordID = adapters.ReadRecordID(o.text(recordIDProperty))
			return adapters.Ack{Observation: own}, nil
		}
	}
	return adapters.Ack{Observation: o.observe(a.connection)}, nil
}

// settle says of the read, and of the answer to the write, who asks: an answer tells no associations, and where there are
// others beside the contact that was just written, it is that one.
func (t task) settle(o, answer *object) {
	if !t.writes(contactsProperty) {
		return
	}
	id := t.text(contactsProperty)
	if answer != nil {
		answer.with([]string{id})
	}
	if o != nil && slices.Contains(o.contacts(), id) {
		o.with([]string{id})
	}
}

// present reads an object that is written to, or just was.
func (a *account) present(ctx context.Context, t task, id string) (*object, error) {
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

// stageIgnored says that the stage written is not the stage held: HubSpot leaves out, without a word, what would move
// a contact back.
func (t task) stageIgnored(o *object) bool {
	want := t.text(stageOfLife)
	return want != "" && o.text(stageOfLife) != want
}

// moveBack clears the stage and sets it, which is how HubSpot wants it done. Done twice, it comes to the same.
func (a *account) moveBack(ctx context.Context, t task, id string) (*object, error) {
	for _, stage := range []string{"", t.text(stageOfLife)} {
		if _, err := a.patch(ctx, t, id, mapping.Fields{stageOfLife: stage}); err != nil {
			return nil, err
		}
	}
	o, err := a.present(ctx, t, id)
	if err != nil || !t.stageIgnored(o) {
		return o, err
	}
	stuck := &fault.Error{Category: fault.Permanent, Op: t.op, Message: "HubSpot took the write and left the stage as it was"}
	stuck.Refuse("lifecycle_stage", "HubSpot keeps another stage")
	return nil, stuck
}
