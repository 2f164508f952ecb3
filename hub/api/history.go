package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/store"
)

// asItWas asks for a record at one moment.
type asItWas interface {
	GetId() string
	GetRevision() int64
	GetReadTime() *timestamppb.Timestamp
}

// asksForPast says whether a read is of a record as it was.
func asksForPast(in asItWas) bool { return in.GetRevision() != 0 || in.GetReadTime() != nil }

// getPast reads a record as it was.
func (s *service) getPast(ctx context.Context, in asItWas) (proto.Message, error) {
	id := store.RecordID(in.GetId())
	var (
		c   *store.Change
		err error
	)
	if in.GetReadTime() != nil {
		c, err = s.at(ctx, id, in.GetReadTime())
	} else {
		c, err = s.revision(ctx, id, store.Revision(in.GetRevision()))
	}
	switch {
	case err != nil:
		return nil, err
	case c.Kind != s.kind:
		return nil, recordNotFound(in.GetId())
	case c.Record.Message == nil:
		return nil, revisionGone(c.RecordID, "what the record held then was erased")
	}
	return s.record.of(c.Record), nil
}

// revision reads a revision of a very id.
func (s *service) revision(ctx context.Context, id store.RecordID, revision store.Revision) (*store.Change, error) {
	c, err := s.store.RevisionOf(ctx, id, revision)
	if !errors.Is(err, store.ErrNotFound) {
		return c, err
	}
	r, err := s.itself(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case revision > r.Revision:
		return nil, &failure{reason: hubv1.ErrorReason_ERROR_REASON_REVISION_NOT_FOUND, metadata: map[string]string{"id": string(id)},
			message: fmt.Sprintf("the record has no revision %d: its newest is %d", revision, r.Revision)}
	}
	return nil, revisionGone(id, "the revision is older than what the hub keeps of changes")
}

// at reads the record that answered for an id at a time.
func (s *service) at(ctx context.Context, id store.RecordID, when *timestamppb.Timestamp) (*store.Change, error) {
	now, err := s.store.Now(ctx)
	if err != nil {
		return nil, err
	}
	at := when.AsTime()
	if when.CheckValid() != nil || at.After(now) {
		return nil, invalidField("read_time", "what the record will be cannot be read; the hub's time is "+now.UTC().Format(time.RFC3339Nano))
	}
	for {
		c, err := s.store.RevisionAt(ctx, id, at)
		if errors.Is(err, store.ErrNotFound) {
			return nil, s.notThen(ctx, id, at)
		}
		if err != nil || c.Record.MergedInto == "" {
			return c, err
		}
		id = c.Record.MergedInto // an older id each time
	}
}

// notThen says why there is nothing to read of a record at a time.
func (s *service) notThen(ctx context.Context, id store.RecordID, at time.Time) error {
	r, err := s.itself(ctx, id)
	switch {
	case err != nil:
		return err
	case at.Before(r.CreatedAt):
		return &failure{reason: hubv1.ErrorReason_ERROR_REASON_RECORD_NOT_FOUND, metadata: map[string]string{"id": string(id)},
			message: "the record did not exist then; it was made at " + r.CreatedAt.UTC().Format(time.RFC3339Nano)}
	}
	return revisionGone(id, "the time is before what the hub keeps of the record's changes")
}

// itself reads a record of the kind by its id, even where another answers for it.
func (s *service) itself(ctx context.Context, id store.RecordID) (*store.Record, error) {
	r, err := s.store.RecordItself(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && r.Kind != s.kind {
		return nil, recordNotFound(string(id))
	}
	return r, err
}

func revisionGone(id store.RecordID, message string) error {
	return &failure{reason: hubv1.ErrorReason_ERROR_REASON_REVISION_GONE, message: message, metadata: map[string]string{"id": string(id)}}
}

// revisionsToken is where a page of revisions ended.
type revisionsToken struct {
	ID     store.RecordID `json:"i"`
	Before store.Revision `json:"b"`
}

// revisions reads a page of a record's history.
func (s *service) revisions(ctx context.Context, in interface {
	GetId() string
	GetPageSize() int32
	GetPageToken() string
}) (proto.Message, error) {
	q := store.RevisionsQuery{ID: store.RecordID(in.GetId()), Limit: int(in.GetPageSize()), Bytes: maxPageBytes}
	if q.Limit == 0 {
		q.Limit = defaultPageSize
	}
	if in.GetPageToken() != "" {
		var token revisionsToken
		plain, err := base64.RawURLEncoding.Strict().DecodeString(in.GetPageToken())
		if err != nil || json.Unmarshal(plain, &token) != nil || token.ID != q.ID || token.Before <= 0 {
			return nil, &failure{reason: hubv1.ErrorReason_ERROR_REASON_INVALID_PAGE_TOKEN, field: "page_token",
				message: "this record's revisions did not make the page token; begin at the first page"}
		}
		q.Before = token.Before
	}
	if _, err := s.itself(ctx, q.ID); err != nil {
		return nil, err
	}
	changes, more, err := s.store.Revisions(ctx, q)
	if err != nil {
		return nil, err
	}
	next := ""
	if more {
		text, _ := json.Marshal(revisionsToken{ID: q.ID, Before: changes[len(changes)-1].Revision}) // of texts and numbers: cannot fail
		next = base64.RawURLEncoding.EncodeToString(text)
	}
	return s.history.of(changes, next), nil
}
