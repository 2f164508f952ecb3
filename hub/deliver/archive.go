package deliver

import (
	"context"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// archived stands for an object as a whole among the attributes that attempts and brakes name.
const archived model.Path = "archived"

// archive freezes the archiving of an object whose record was deleted, and stores it before the call.
func (o *delivery) archive(ctx context.Context, tx apply.Tx, s *situation, link *store.Link) (step, error) {
	s.link, s.owed = link, []model.Path{archived}
	brake := s.bundle.Braked(o.args.Connection)
	if brake == nil {
		var err error
		if brake, err = o.brake(ctx, tx, s); err != nil {
			return nil, err
		}
	}
	if brake != nil {
		return nil, o.stop(ctx, tx, s.bundle, brake)
	}
	attempt := &store.Attempt{RecordID: s.bundle.Record.ID, Connection: o.args.Connection, Kind: s.bundle.Record.Kind, ExternalID: link.ExternalID,
		Archive: true, Revision: s.bundle.Record.Revision, Key: o.d.NewKey(), Request: []byte{}, Paths: s.owed, Sent: s.res.Message, Sends: 1}
	if err := tx.PutAttempt(ctx, attempt); err != nil {
		return nil, err
	}
	link.Epoch++
	tx.PutLink(link)
	return o.push(attempt), nil
}

// archiveNow makes the attempt's call. What is not there any more is archived.
func (o *delivery) archiveNow(ctx context.Context, attempt *store.Attempt) error {
	gone := adapters.Observation{At: o.d.Applier.Now()}
	if archiver := o.c.Adapter.Archiver; archiver == nil {
		return o.failed(ctx, attempt, &fault.Error{Category: fault.Permanent, Op: "archive", Message: "the adapter cannot archive any more"})
	} else if seen, err := archiver.Archive(ctx, adapters.Request{Kind: adapters.Kind(attempt.Kind), RecordID: string(attempt.RecordID),
		ExternalID: adapters.ExternalID(attempt.ExternalID), Key: attempt.Key}); err == nil {
		gone = seen
	} else if fault.CategoryOf(err) != fault.Gone {
		return o.failed(ctx, attempt, fault.As(err))
	}
	return o.store(ctx, attempt, func(tx apply.Tx, _ *store.Bundle, link *store.Link) error {
		link.State, link.Archived, link.GoneAt = store.LinkGone, true, gone.At.UTC()
		link.Epoch++
		tx.SettleAttempt(attempt.ID, store.Acknowledged, "")
		tx.PutTrail(o.trail(store.ActionDelivered, "archived with its record"))
		return nil
	}, attempt.ExternalID)
}
