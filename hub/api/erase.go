package api

import (
	"context"
	"errors"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/store"
)

// erase erases a record, and answers with what is left of it.
func (s *service) erase(ctx context.Context, in interface {
	GetId() string
	GetWhy() string
}) (proto.Message, error) {
	if _, err := s.get(ctx, in); err != nil {
		return nil, err // none of this kind
	}
	result, err := s.applier.Erase(ctx, apply.Erase{RecordID: store.RecordID(in.GetId()), By: actorOf(ctx), Why: in.GetWhy(), CorrelationID: correlationOf(ctx)})
	if errors.Is(err, store.ErrNotFound) {
		return nil, recordNotFound(in.GetId())
	}
	if err != nil {
		return nil, err
	}
	r, err := s.store.Record(ctx, result.RecordID)
	if err != nil {
		return nil, err
	}
	return s.record.of(r), nil
}
