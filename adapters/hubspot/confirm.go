package hubspot

import (
	"context"
	"errors"
	"slices"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
)

// confirm reads the contact as it is after a write. What somebody changed between the write and the read is none of the
// write's: then the answer to the write tells what became of what was written, and nothing else is told.
func (c *contacts) confirm(ctx context.Context, op, id string, f frozen, answer *object) (adapters.Ack, error) {
	o, err := c.written(ctx, op, id)
	changed := err == nil && answer != nil && answer.at().Before(o.at())
	if err == nil && o.ignoredStage(f) && !(changed && !answer.ignoredStage(f)) {
		changed = false
		o, err = c.moveBack(ctx, op, id, f)
	}
	if err != nil {
		return adapters.Ack{}, maybeDone(err)
	}
	if changed {
		own := observe(answer, c.connection)
		own.Paths = slices.DeleteFunc(spokenOf(own), func(path string) bool { return !slices.Contains(f.Paths, path) })
		if len(own.Paths) == len(f.Paths) {
			own.RecordID = adapters.ReadRecordID(string(o.Properties[recordIDProperty]))
			return adapters.Ack{Observation: own}, nil
		}
	}
	return adapters.Ack{Observation: observe(o, c.connection)}, nil
}

// spokenOf are the attributes that an observation tells.
func spokenOf(o adapters.Observation) []string {
	if o.Paths != nil {
		return slices.Clone(o.Paths)
	}
	all := make([]string, len(mapping))
	for i, row := range mapping {
		all[i] = row.path
	}
	return all
}

// written reads a contact that was just written to.
func (c *contacts) written(ctx context.Context, op, id string) (*object, error) {
	o, err := c.get(ctx, op, id)
	switch {
	case err != nil:
		return nil, err
	case o.Archived:
		return nil, &fault.Error{Category: fault.Gone, Op: op, Message: "the contact was archived"}
	case string(o.ID) != id:
		return nil, &fault.Error{Category: fault.Gone, Op: op, Message: "the contact was merged into another one"}
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
func (c *contacts) moveBack(ctx context.Context, op, id string, f frozen) (*object, error) {
	for _, stage := range []string{"", f.Properties["lifecyclestage"]} {
		if _, _, err := c.patch(ctx, op, id, map[string]string{"lifecyclestage": stage}, f.Paths); err != nil {
			return nil, err
		}
	}
	o, err := c.written(ctx, op, id)
	if err != nil || !o.ignoredStage(f) {
		return o, err
	}
	stuck := &fault.Error{Category: fault.Permanent, Op: op, Message: "HubSpot took the write and left the stage as it was"}
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
