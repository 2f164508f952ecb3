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
	default:
		err = noChoice("choice", fmt.Errorf("a review for %s has no such choice", r.Reason))
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
