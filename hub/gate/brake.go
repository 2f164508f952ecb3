package gate

import (
	"context"
	"errors"
	"fmt"

	"github.com/canonhub/canonhub/hub/jobs"
	"github.com/canonhub/canonhub/hub/store"
)

// Choice is how a brake is released.
type Choice string

// The choices.
const (
	// LetThrough: the change is wanted. The attribute's brake does not bite again until the window after the next.
	LetThrough Choice = "let_through"
	// Resume: deliveries go on, and are counted anew.
	Resume Choice = "resume"
)

const (
	// wakePage is how many stopped deliveries are given jobs in one transaction.
	wakePage = 500
	// wakePages is how many such transactions follow each other; the sweeper goes on.
	wakePages = 20
)

// Release closes the review of a brake and lets the deliveries go on that it stopped, unless another attribute's brake
// stops them, too. A review that is dismissed resumes, whatever the choice.
func (g *Gate) Release(ctx context.Context, review *store.Review, choice Choice, closing store.Closing) error {
	if closing.Resolution == store.Dismissed {
		choice = Resume
	}
	err := g.Store.InTx(ctx, func(tx *store.Tx) error {
		brake, err := tx.LockBrake(ctx, store.BrakeKey{Connection: review.Connection, Kind: review.Kind, Attribute: review.Path})
		if errors.Is(err, store.ErrNotFound) || err == nil && (!brake.On() || !review.ClosedAt.IsZero()) {
			return store.ErrReviewClosed
		}
		if err != nil {
			return err
		}
		g.release(brake, choice)
		tx.PutBrake(brake)
		tx.CloseReview(review, closing)
		return nil
	})
	if err != nil {
		return fmt.Errorf("close review %d: %w", review.ID, err)
	}
	g.Log.Info("brake released", "connection", review.Connection, "kind", review.Kind, "path", review.Path, "choice", choice, "by", closing.By)
	if err := g.wake(ctx, store.Lane{Connection: review.Connection, Kind: review.Kind}); err != nil {
		g.Log.Warn("not all deliveries that the brake stopped are woken; the sweeper goes on", "connection", review.Connection, "kind", review.Kind, "error", err)
	}
	return nil
}

func (g *Gate) release(brake *store.Brake, choice Choice) {
	now := g.Now().UTC()
	brake.BrakedAt = zeroTime
	switch choice {
	case LetThrough:
		brake.PassesUntil = now.Truncate(brake.Window).Add(2 * brake.Window)
	case Resume:
		brake.CountsSince = now
	}
}

// wake gives jobs to the deliveries that a brake stopped, in pages, since there may be as many as records.
func (g *Gate) wake(ctx context.Context, lane store.Lane) error {
	for range wakePages {
		woken := 0
		err := g.Store.InTx(ctx, func(tx *store.Tx) error {
			deliveries, err := tx.WakeBraked(ctx, lane, wakePage)
			if err != nil {
				return err
			}
			args := make([]jobs.DeliverArgs, len(deliveries))
			for i, d := range deliveries {
				args[i] = jobs.DeliverArgs{RecordID: d.RecordID, Connection: d.Connection}
			}
			woken = len(deliveries)
			return g.Queue.Deliver(ctx, tx, args)
		})
		if err != nil {
			return fmt.Errorf("wake what the brake of %s stopped: %w", lane.Connection, err)
		}
		if woken < wakePage {
			return nil
		}
	}
	return nil
}

// LookAfterBrakes wakes what is still stopped by brakes that were released, and shows those that are on. A delivery that
// was being stopped while its brake was released is found here.
func (g *Gate) LookAfterBrakes(ctx context.Context) error {
	lanes, err := g.Store.ReleasedLanes(ctx)
	if err != nil {
		return err
	}
	for _, lane := range lanes {
		if err := g.wake(ctx, lane); err != nil {
			return err
		}
	}
	on, err := g.Store.BrakesOn(ctx)
	if err == nil && g.Metrics != nil {
		g.Metrics.showBraked(on)
	}
	return err
}
