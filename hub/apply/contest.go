package apply

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/policy"
	"github.com/canonhub/canonhub/hub/store"
	"github.com/canonhub/canonhub/hub/view"
)

// yield ends the tugs of war at a target that are about nothing any more: the record has another value there, or, where
// nobody has said to leave it alone, the object has come to hold it.
func (f *fold) yield(target *policy.Target) error {
	link := f.bundle.Primary(target.Connection)
	if link == nil {
		return nil
	}
	stored := f.bundle.View(target.Connection, link.ExternalID)
	if stored == nil {
		return nil
	}
	ended := false
	for _, path := range slices.Sorted(maps.Keys(stored.View.Contests)) {
		review := f.bundle.Review(store.TugOfWar, target.Connection, path)
		why := f.moot(stored.View, path, review != nil)
		if why == "" {
			continue
		}
		ended = true
		stored.View.Yield(path)
		if review != nil {
			f.tx.CloseReview(review, store.Closing{Resolution: store.SettledItself, Why: why})
			f.bundle.Reviews = without(f.bundle.Reviews, review)
		}
	}
	if !ended {
		return nil
	}
	return f.tx.PutView(stored)
}

// moot says why a tug of war is over; empty where it is not, or where there is none.
func (f *fold) moot(v *view.View, path model.Path, open bool) string {
	switch {
	case v.Contests[path].Message == nil:
		return ""
	case !v.Contested(path, f.resolution.Message):
		return "the record has another value"
	case open && v.State().Holds(f.resolution.Message, path):
		return "the object holds the record's value"
	}
	return ""
}

func without(reviews []*store.Review, closed *store.Review) []*store.Review {
	return slices.DeleteFunc(slices.Clone(reviews), func(r *store.Review) bool { return r == closed })
}

// Resume closes the review of a tug of war. Where it is resolved, the attribute is corrected again and counted anew;
// where it is dismissed, it is left alone at this object until the record's value changes.
func (a *Applier) Resume(ctx context.Context, review *store.Review, closing store.Closing) error {
	err := a.inTx(ctx, func(tx Tx) error {
		b, err := tx.LockBundle(ctx, review.RecordIDs[0])
		if err != nil {
			return err
		}
		open := b.Review(store.TugOfWar, review.Connection, review.Path)
		if open == nil || open.ID != review.ID {
			return store.ErrReviewClosed
		}
		tx.CloseReview(open, closing)
		b.Reviews = without(b.Reviews, open)
		stored := b.View(open.Connection, open.ExternalID)
		if stored != nil && closing.Resolution == store.Resolved {
			delete(stored.View.Contests, open.Path)
			if err := tx.PutView(stored); err != nil {
				return err
			}
		}
		_, err = a.Fold(ctx, tx, b, Cause{Source: closing.By, CorrelationID: open.CorrelationID})
		return err
	})
	if err != nil {
		return fmt.Errorf("close review %d: %w", review.ID, err)
	}
	return nil
}
