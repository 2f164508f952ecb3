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
	if _, err := s.own(ctx, store.RecordID(in.GetId())); err != nil {
		return nil, err
	}
	result, err := s.applier.Erase(ctx, apply.Erase{RecordID: store.RecordID(in.GetId()), By: actorOf(ctx), Why: in.GetWhy(), CorrelationID: correlationOf(ctx)})
	return s.identified(ctx, result, err, in.GetId())
}

// own reads a record of the service's kind; another may answer for it.
func (s *service) own(ctx context.Context, id store.RecordID) (*store.Record, error) {
	r, err := s.store.Record(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && r.Kind != s.kind {
		return nil, recordNotFound(string(id))
	}
	return r, err
}
