package api

import (
	"context"
	"errors"
	"fmt"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/gate"
	"github.com/canonhub/canonhub/hub/store"
)

// ResolveReview decides a review as its reason allows.
func (s *reviews) ResolveReview(ctx context.Context, in *hubv1.ResolveReviewRequest) (*hubv1.Review, error) {
	r, err := s.open(ctx, in.GetId())
	if err != nil {
		return nil, err
	}
	switch r.Reason {
	case store.Held:
		err = s.resolveHeld(ctx, r, in)
	case store.TugOfWar:
		err = s.resolveTugOfWar(ctx, r, in)
	case store.Braked:
		err = s.resolveBraked(ctx, r, in)
	case store.Vanished:
		err = s.resolveVanished(ctx, r, in)
	case store.EraseRequested:
		err = s.resolveErase(ctx, r, in)
	case store.SharedKey, store.MergedAtSource:
		err = s.resolveOne(ctx, r, in)
	case store.AmbiguousMatch:
		err = s.resolveAmbiguous(ctx, r, in)
	default:
		err = fmt.Errorf("review %d is for %q, which nobody resolves", r.ID, r.Reason)
	}
	if errors.Is(err, store.ErrReviewClosed) { // since it was read
		err = reviewClosed(r.ID, "the review was closed meanwhile")
	}
	if err != nil {
		return nil, err
	}
	return s.GetReview(ctx, &hubv1.GetReviewRequest{Id: in.GetId()})
}

func (s *reviews) resolveHeld(ctx context.Context, r *store.Review, in *hubv1.ResolveReviewRequest) error {
	d := apply.Decision{RecordID: r.RecordIDs[0], Path: r.Path, Why: in.GetWhy()}
	switch choice := in.GetChoice().(type) {
	case *hubv1.ResolveReviewRequest_Take:
		d.Take, d.TakeFrom = choice.Take.GetSource(), choice.Take.GetExternalId()
	case *hubv1.ResolveReviewRequest_Authority:
		d.Authority = choice.Authority
	case *hubv1.ResolveReviewRequest_Value:
	default:
		return noChoice("choice", errors.New("what is held is decided by take, value or authority"))
	}
	_, err := s.decide(ctx, d, in.GetValue())
	return err
}

// resolveTugOfWar goes on correcting.
func (s *reviews) resolveTugOfWar(ctx context.Context, r *store.Review, in *hubv1.ResolveReviewRequest) error {
	if !in.GetResume() {
		return noChoice("choice", errors.New("a tug of war is resolved by resume: the attribute is corrected again; dismiss leaves it alone there"))
	}
	return s.applier.Resume(ctx, r, closing(ctx, store.Resolved, in.GetWhy()))
}

// resolveBraked lets the deliveries go on.
func (s *reviews) resolveBraked(ctx context.Context, r *store.Review, in *hubv1.ResolveReviewRequest) error {
	switch {
	case in.GetLetThrough():
		return s.gate.Release(ctx, r, gate.LetThrough, closing(ctx, store.Resolved, in.GetWhy()))
	case in.GetResume():
		return s.gate.Release(ctx, r, gate.Resume, closing(ctx, store.Resolved, in.GetWhy()))
	}
	return noChoice("choice", errors.New("a brake is released by let_through or resume"))
}

// resolveErase erases the record.
func (s *reviews) resolveErase(ctx context.Context, r *store.Review, in *hubv1.ResolveReviewRequest) error {
	if !in.GetLetThrough() {
		return noChoice("choice", errors.New("a request to be forgotten is resolved by let_through, which erases the record; dismiss keeps it"))
	}
	_, err := s.applier.Erase(ctx, apply.Erase{RecordID: r.RecordIDs[0], By: actorOf(ctx), Why: in.GetWhy(), CorrelationID: r.CorrelationID})
	return err
}

// resolveVanished has what is gone looked up again, and taken as deleted whatever there is of it.
func (s *reviews) resolveVanished(ctx context.Context, r *store.Review, in *hubv1.ResolveReviewRequest) error {
	if !in.GetLetThrough() {
		return noChoice("choice", errors.New("what has vanished is let through: a reconcile takes it as deleted; dismiss leaves it as it is known"))
	}
	return s.store.InTx(ctx, func(tx *store.Tx) error {
		tx.WishPull(store.Lane{Connection: r.Connection, Kind: r.Kind}, store.PullWish{Mode: store.Reconcile, LetVanish: true, By: actorOf(ctx), Why: in.GetWhy()})
		tx.CloseReview(r, closing(ctx, store.Resolved, in.GetWhy()))
		return nil
	})
}

// resolveOne merges the records in question.
func (s *reviews) resolveOne(ctx context.Context, r *store.Review, in *hubv1.ResolveReviewRequest) error {
	if !in.GetMerge() {
		return noChoice("choice", errors.New("two records that may be one party are merged, or the review is dismissed"))
	}
	_, err := s.merged(ctx, r, in.GetWhy())
	if err != nil {
		return err
	}
	return s.closed(ctx, r, in.GetWhy())
}

// merged makes one record of all that are in question.
func (s *reviews) merged(ctx context.Context, r *store.Review, why string) (store.RecordID, error) {
	one := r.RecordIDs[0]
	for _, other := range r.RecordIDs[1:] {
		result, err := s.applier.Merge(ctx, apply.Merge{A: one, B: other, By: actorOf(ctx), Why: why, CorrelationID: correlationOf(ctx)})
		if err != nil {
			return "", identityError(err, string(other))
		}
		one = result.RecordID
	}
	return one, nil
}

// resolveAmbiguous links the object to one of the records, or to what they are together, and has it heard again.
func (s *reviews) resolveAmbiguous(ctx context.Context, r *store.Review, in *hubv1.ResolveReviewRequest) error {
	to := store.RecordID(in.GetLinkTo())
	switch {
	case in.GetMerge():
		var err error
		if to, err = s.merged(ctx, r, in.GetWhy()); err != nil {
			return err
		}
	case to == "":
		return noChoice("choice", errors.New("an object that several records match is resolved by link_to, or by merge where they are one party"))
	}
	_, err := s.applier.Link(ctx, apply.Link{RecordID: to, Object: r.LinkKey, By: actorOf(ctx), Why: in.GetWhy(), CorrelationID: correlationOf(ctx)})
	if err != nil {
		return identityError(err, string(to))
	}
	return s.closed(ctx, r, in.GetWhy())
}

// closed closes a review that was resolved, unless what was done has closed it, and has the receipt that led to it heard
// again.
func (s *reviews) closed(ctx context.Context, r *store.Review, why string) error {
	return s.store.InTx(ctx, func(tx *store.Tx) error {
		tx.CloseReview(r, closing(ctx, store.Resolved, why))
		if r.ReceiptID == "" {
			return nil
		}
		receipt, err := tx.ReopenReceipt(ctx, r.ReceiptID)
		if errors.Is(err, store.ErrNotFound) {
			return nil // forgotten long ago: the object's next event counts
		}
		if err != nil {
			return err
		}
		return s.applier.Queue.Rehear(ctx, tx, []*store.Receipt{receipt})
	})
}

func closing(ctx context.Context, how store.Resolution, why string) store.Closing {
	return store.Closing{Resolution: how, By: actorOf(ctx), Why: why}
}

// DismissReview closes a review without a decision.
func (s *reviews) DismissReview(ctx context.Context, in *hubv1.DismissReviewRequest) (*hubv1.Review, error) {
	r, err := s.open(ctx, in.GetId())
	if err != nil {
		return nil, err
	}
	switch r.Reason {
	case store.Held:
		_, err = s.decide(ctx, apply.Decision{RecordID: r.RecordIDs[0], Path: r.Path, Keep: true, Why: in.GetWhy()}, nil)
	case store.TugOfWar:
		err = s.applier.Resume(ctx, r, closing(ctx, store.Dismissed, in.GetWhy()))
	case store.Braked:
		err = s.gate.Release(ctx, r, gate.Resume, closing(ctx, store.Dismissed, in.GetWhy()))
	default:
		err = s.store.InTx(ctx, func(tx *store.Tx) error {
			tx.CloseReview(r, closing(ctx, store.Dismissed, in.GetWhy()))
			return nil
		})
	}
	if errors.Is(err, store.ErrReviewClosed) { // since it was read
		err = reviewClosed(r.ID, "the review was closed meanwhile")
	}
	if err != nil {
		return nil, err
	}
	return s.GetReview(ctx, &hubv1.GetReviewRequest{Id: in.GetId()})
}
