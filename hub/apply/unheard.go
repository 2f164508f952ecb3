package apply

import (
	"context"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
	"github.com/canonhub/canonhub/hub/view"
)

// Unheard takes into a view what is seen of an object that a push made whose answer was never heard. Whether a value is
// the vendor's form of what was sent, or somebody has edited it since, cannot be told: so it is nobody's claim, and what
// differs from the record is owed next.
func Unheard(v *view.View, d view.Delivery) {
	then := d
	then.Held, then.HeldPaths = nil, nil
	v.Deliver(then)
	d.Sent = asHeld(d)
	v.Deliver(d)
}

// asHeld is what was sent, in the values that are held now.
func asHeld(d view.Delivery) proto.Message {
	sent := proto.Clone(d.Sent)
	for _, path := range d.Paths {
		if slices.Contains(d.HeldPaths, path) || strings.HasPrefix(string(path), "custom.") && slices.Contains(d.HeldPaths, "custom.*") {
			model.For(model.KindOf(sent)).Copy(sent, d.Held, path)
		}
	}
	return sent
}

// madeBefore takes into the view of an object that carries our id what the hub had sent to make it, before it gave up to find
// out whether that was done.
func (p *application) madeBefore(v *view.View, stamp view.Stamp) {
	for _, attempt := range p.abandoned {
		p.tx.SettleAttempt(attempt.ID, store.Acknowledged, "the object was seen since")
		Unheard(v, view.Delivery{Stamp: stamp, Paths: attempt.Paths, Sent: attempt.Sent, Held: p.message, HeldPaths: p.observed.paths})
	}
}

// Claim sees to it that an object which a push made, or found, can be its record's. Where it was referred to before the
// answer came, the placeholder that stands for it is joined to the record; what it said while it waited is heard again.
func (a *Applier) Claim(ctx context.Context, tx Tx, key store.LinkKey, id store.RecordID, cause Cause) error {
	link, err := tx.LinkOf(ctx, key)
	if err != nil {
		return err
	}
	if !link.Speaks() {
		if link != nil {
			tx.DropView(key, link.RecordID) // a person took it from there: it begins anew
		}
		return a.found(ctx, tx, key)
	}
	living, err := tx.Living(ctx, id)
	if err != nil || living[0] == link.RecordID {
		return err
	}
	both, err := tx.LockRecords(ctx, store.Locks{Kind: key.Kind, Objects: []store.LinkKey{key}, Records: []store.RecordID{link.RecordID, living[0]}})
	switch {
	case err != nil:
		return err
	case both[0].Record.MergedInto != "" || both[1].Record.MergedInto != "":
		return store.Moved()
	case !both[0].Record.Placeholder || !both[0].Link(key).Speaks():
		return nil
	}
	_, err = a.join(ctx, tx, both[0], both[1], cause, "a placeholder that is this record")
	return err
}
