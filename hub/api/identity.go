package api

import (
	"context"
	"errors"
	"strings"

	"google.golang.org/protobuf/proto"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/store"
)

func (s *service) merge(ctx context.Context, in interface {
	GetIds() []string
	GetWhy() string
}) (proto.Message, error) {
	m := apply.Merge{A: store.RecordID(in.GetIds()[0]), B: store.RecordID(in.GetIds()[1]), By: actorOf(ctx), Why: in.GetWhy(), CorrelationID: correlationOf(ctx)}
	result, err := s.applier.Merge(ctx, m)
	return s.identified(ctx, result, err, strings.Join(in.GetIds(), ", "))
}

func (s *service) unmerge(ctx context.Context, in interface {
	GetId() string
	GetWhy() string
}) (proto.Message, error) {
	merged := store.RecordID(in.GetId())
	r, err := s.store.Record(ctx, merged)
	if errors.Is(err, store.ErrNotFound) {
		return nil, recordNotFound(in.GetId())
	}
	if err != nil {
		return nil, err
	}
	_, parted, err := s.applier.Unmerge(ctx, apply.Unmerge{Survivor: r.ID, Merged: merged, By: actorOf(ctx), Why: in.GetWhy(), CorrelationID: correlationOf(ctx)})
	return s.identified(ctx, parted, err, in.GetId())
}

// linkRequest is what is said of a link by hand.
type linkRequest interface {
	GetId() string
	GetConnection() string
	GetExternalId() string
	GetWhy() string
}

func (s *service) link(ctx context.Context, in interface {
	linkRequest
	GetPrimary() bool
	GetMove() bool
}) (proto.Message, error) {
	l, err := s.linkOf(ctx, in)
	if err != nil {
		return nil, err
	}
	l.Primary, l.Move = in.GetPrimary(), in.GetMove()
	result, err := s.applier.Link(ctx, l)
	return s.identified(ctx, result, err, in.GetId())
}

func (s *service) unlink(ctx context.Context, in linkRequest) (proto.Message, error) {
	l, err := s.linkOf(ctx, in)
	if err != nil {
		return nil, err
	}
	result, err := s.applier.Unlink(ctx, l)
	return s.identified(ctx, result, err, in.GetId())
}

func (s *service) linkOf(ctx context.Context, in linkRequest) (apply.Link, error) {
	switch {
	case !s.connections[in.GetConnection()]:
		return apply.Link{}, connectionNotFound(in.GetConnection())
	case strings.ContainsRune(in.GetExternalId(), 0):
		return apply.Link{}, invalidField("external_id", "a vendor's id has no zero byte")
	}
	return apply.Link{RecordID: store.RecordID(in.GetId()), Object: store.LinkKey{Connection: in.GetConnection(), Kind: s.kind, ExternalID: in.GetExternalId()},
		By: actorOf(ctx), Why: in.GetWhy(), CorrelationID: correlationOf(ctx)}, nil
}

// identified answers with the record as it now is.
func (s *service) identified(ctx context.Context, result apply.Result, err error, ids string) (proto.Message, error) {
	if err != nil {
		return nil, identityError(err, ids)
	}
	r, err := s.store.Record(ctx, result.RecordID)
	if err != nil {
		return nil, err
	}
	return s.record.of(r), nil
}

// identityError tells why records, or an object and a record, were not made one, or parted.
func identityError(err error, ids string) error {
	if errors.Is(err, store.ErrNotFound) {
		return recordNotFound(ids)
	}
	for _, known := range []error{apply.ErrOtherKind, apply.ErrErased, apply.ErrNotMerged, apply.ErrNoPolicy, apply.ErrLinked, apply.ErrNotLinked, apply.ErrErasedObject} {
		if errors.Is(err, known) {
			return &failure{reason: hubv1.ErrorReason_ERROR_REASON_IDENTITY_REFUSED, message: known.Error()}
		}
	}
	return err
}
