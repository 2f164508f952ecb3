package hubspot

import (
	"context"
	"errors"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
)

// confirm reads what a write made of the contact, and sets a lifecycle stage that HubSpot ignored. A failure here is
// one behind a write that was done.
func (c *contacts) confirm(ctx context.Context, op, id string, f frozen) (adapters.Ack, error) {
	o, err := c.written(ctx, op, id)
	if err == nil && o.ignoredStage(f) {
		o, err = c.moveBack(ctx, op, id, f)
	}
	if err != nil {
		return adapters.Ack{}, maybeDone(err)
	}
	return adapters.Ack{Observation: observe(o, c.connection)}, nil
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
		if _, err := c.patch(ctx, op, id, map[string]string{"lifecyclestage": stage}, f.Paths); err != nil {
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
