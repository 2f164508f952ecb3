package api

import (
	"context"
	"errors"
	"fmt"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/apply"
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
	default:
		err = noChoice("choice", fmt.Errorf("a review for %s has no such choice", r.Reason))
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

// DismissReview closes a review without a decision.
func (s *reviews) DismissReview(ctx context.Context, in *hubv1.DismissReviewRequest) (*hubv1.Review, error) {
	r, err := s.open(ctx, in.GetId())
	if err != nil {
		return nil, err
	}
	switch r.Reason {
	case store.Held:
		_, err = s.decide(ctx, apply.Decision{RecordID: r.RecordIDs[0], Path: r.Path, Keep: true, Why: in.GetWhy()}, nil)
	default:
		err = s.store.InTx(ctx, func(tx *store.Tx) error {
			tx.CloseReview(r, store.Closing{Resolution: store.Dismissed, By: actorOf(ctx), Why: in.GetWhy()})
			return nil
		})
	}
	if err != nil {
		return nil, err
	}
	return s.GetReview(ctx, &hubv1.GetReviewRequest{Id: in.GetId()})
}
