package api

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/redrive"
	"github.com/canonhub/canonhub/hub/store"
)

// discards is how many one call discards.
const discards = 1000

// deadLetters is the DeadLetterService.
type deadLetters struct {
	hubv1.UnimplementedDeadLetterServiceServer
	store    *store.Store
	redriver *redrive.Redriver
}

func serveDeadLetters(o Options, to grpc.ServiceRegistrar) error {
	hubv1.RegisterDeadLetterServiceServer(to, &deadLetters{store: o.Store, redriver: o.Redriver})
	return nil
}

// letterPlace is where a page ended, and of which list.
type letterPlace struct {
	ID int64  `json:"i"`
	Of string `json:"l"`
}

// ListDeadLetters reads a page of those that the caller may see.
func (s *deadLetters) ListDeadLetters(ctx context.Context, in *hubv1.ListDeadLettersRequest) (*hubv1.ListDeadLettersResponse, error) {
	q, err := letterQuery(ctx, in.GetFilter())
	if err != nil {
		return nil, err
	}
	size := cmp.Or(int(in.GetPageSize()), defaultPageSize)
	q.IncludeClosed, q.Limit = in.GetIncludeClosed(), size+1
	text, err := restJSON.Marshal(in.GetFilter())
	if err != nil {
		return nil, err
	}
	of := hashed(fmt.Appendf(text, "%t", q.IncludeClosed))
	if in.GetPageToken() != "" {
		var place letterPlace
		plain, err := base64.RawURLEncoding.DecodeString(in.GetPageToken())
		if err != nil || json.Unmarshal(plain, &place) != nil || place.Of != of {
			return nil, &failure{reason: hubv1.ErrorReason_ERROR_REASON_INVALID_PAGE_TOKEN, field: "page_token",
				message: "this list did not make the page token, or was asked for something else; begin at the first page"}
		}
		q.After = place.ID
	}
	found, err := s.store.DeadLetters(ctx, q)
	if err != nil {
		return nil, err
	}
	out := &hubv1.ListDeadLettersResponse{}
	if len(found) > size {
		found = found[:size]
		last, _ := json.Marshal(letterPlace{found[size-1].ID, of}) // of a number and a text: cannot fail
		out.NextPageToken = base64.RawURLEncoding.EncodeToString(last)
	}
	for _, d := range found {
		out.DeadLetters = append(out.DeadLetters, letterOf(d))
	}
	return out, nil
}

// letterQuery is what a filter asks for, of what the caller may see. A connection need not be configured any more.
func letterQuery(ctx context.Context, in *hubv1.DeadLetterFilter) (store.LetterQuery, error) {
	if kind := model.Kind(in.GetKind()); kind != "" && !slices.Contains(model.Kinds(), kind) {
		return store.LetterQuery{}, &failure{reason: hubv1.ErrorReason_ERROR_REASON_INVALID_FILTER, field: "filter.kind",
			message: fmt.Sprintf("there is no kind %q; the kinds are %v", kind, model.Kinds())}
	}
	q := store.LetterQuery{Connection: in.GetConnection(), Category: in.GetCategory(), Kinds: readable(ctx, in.GetKind()),
		Deliveries: in.GetKind() != "" || in.GetSubject() == hubv1.DeadLetterSubject_DEAD_LETTER_SUBJECT_DELIVERY,
		Receipts:   in.GetSubject() == hubv1.DeadLetterSubject_DEAD_LETTER_SUBJECT_RECEIPT}
	if in.GetSince() != nil {
		q.Since = in.GetSince().AsTime()
	}
	if in.GetBefore() != nil {
		q.Before = in.GetBefore().AsTime()
	}
	return q, nil
}

// GetDeadLetter reads one with what led to it.
func (s *deadLetters) GetDeadLetter(ctx context.Context, in *hubv1.GetDeadLetterRequest) (*hubv1.DeadLetter, error) {
	d, err := s.letter(ctx, in.GetId())
	if err != nil {
		return nil, err
	}
	out := letterOf(d)
	if !d.Delivery() && mayReadRaw(callerOf(ctx)) {
		receipt, err := s.store.Receipt(ctx, d.ReceiptID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		if receipt != nil {
			out.Body = receipt.Raw()
		}
	}
	trail, err := s.store.TrailOf(ctx, d.CorrelationID)
	if err != nil {
		return nil, err
	}
	for _, row := range trail {
		out.Trail = append(out.Trail, &hubv1.TrailEntry{Time: timestamppb.New(row.At), Action: row.Action, Connection: row.Connection,
			RecordId: string(row.RecordID), Actor: row.Actor, Detail: row.Detail})
	}
	return out, nil
}

// letter reads one that the caller may see.
func (s *deadLetters) letter(ctx context.Context, id int64) (*store.DeadLetter, error) {
	d, err := s.store.DeadLetter(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && d.Delivery() && !slices.ContainsFunc(readable(ctx, ""), func(kind model.Kind) bool { return d.RecordID.Is(kind) }) {
		return nil, &failure{reason: hubv1.ErrorReason_ERROR_REASON_DEAD_LETTER_NOT_FOUND, message: "no dead letter has this number",
			metadata: map[string]string{"id": fmt.Sprint(id)}}
	}
	return d, err
}

// RedriveDeadLetter has one's work done again.
func (s *deadLetters) RedriveDeadLetter(ctx context.Context, in *hubv1.RedriveDeadLetterRequest) (*hubv1.DeadLetter, error) {
	return s.close(ctx, in.GetId(), func(d *store.DeadLetter) error {
		return s.redriver.One(ctx, d, time.Now(), redrive.Order{By: actorOf(ctx), Why: in.GetWhy()})
	})
}

// DiscardDeadLetter closes one for good.
func (s *deadLetters) DiscardDeadLetter(ctx context.Context, in *hubv1.DiscardDeadLetterRequest) (*hubv1.DeadLetter, error) {
	return s.close(ctx, in.GetId(), func(d *store.DeadLetter) error {
		return s.redriver.Discard(ctx, d, redrive.Order{By: actorOf(ctx), Why: in.GetWhy()})
	})
}

func (s *deadLetters) close(ctx context.Context, id int64, do func(*store.DeadLetter) error) (*hubv1.DeadLetter, error) {
	d, err := s.letter(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := do(d); errors.Is(err, redrive.ErrClosed) {
		return nil, &failure{reason: hubv1.ErrorReason_ERROR_REASON_DEAD_LETTER_CLOSED, message: redrive.ErrClosed.Error(), metadata: map[string]string{"id": fmt.Sprint(id)}}
	} else if err != nil {
		return nil, err
	}
	if d, err = s.letter(ctx, id); err != nil {
		return nil, err
	}
	return letterOf(d), nil
}

// RedriveDeadLetters begins to have the work of several done again.
func (s *deadLetters) RedriveDeadLetters(ctx context.Context, in *hubv1.RedriveDeadLettersRequest) (*hubv1.RedriveDeadLettersResponse, error) {
	q, err := letterQuery(ctx, in.GetFilter())
	if err != nil {
		return nil, err
	}
	return &hubv1.RedriveDeadLettersResponse{}, s.redriver.Several(ctx, q, in.GetRate(), redrive.Order{By: actorOf(ctx), Why: in.GetWhy()})
}

// DiscardDeadLetters closes several for good.
func (s *deadLetters) DiscardDeadLetters(ctx context.Context, in *hubv1.DiscardDeadLettersRequest) (*hubv1.DiscardDeadLettersResponse, error) {
	q, err := letterQuery(ctx, in.GetFilter())
	if err != nil {
		return nil, err
	}
	q.Limit = discards
	found, err := s.store.DeadLetters(ctx, q)
	out := &hubv1.DiscardDeadLettersResponse{}
	for _, d := range found {
		switch err := s.redriver.Discard(ctx, d, redrive.Order{By: actorOf(ctx), Why: in.GetWhy()}); {
		case err == nil:
			out.Discarded++
		case !errors.Is(err, redrive.ErrClosed):
			return nil, err
		}
	}
	return out, err
}

var letterClosings = map[store.LetterClosing]hubv1.DeadLetterClosing{
	store.Redriven:  hubv1.DeadLetterClosing_DEAD_LETTER_CLOSING_REDRIVEN,
	store.Discarded: hubv1.DeadLetterClosing_DEAD_LETTER_CLOSING_DISCARDED,
	store.Succeeded: hubv1.DeadLetterClosing_DEAD_LETTER_CLOSING_SUCCEEDED,
}

func letterOf(d *store.DeadLetter) *hubv1.DeadLetter {
	return &hubv1.DeadLetter{Id: d.ID, Connection: d.Connection, ReceiptId: d.ReceiptID, RecordId: string(d.RecordID), Category: d.Category,
		Reason: d.Reason, Attempts: int32(d.Attempts), CorrelationId: d.CorrelationID, Redrives: int32(d.Redrives), CreateTime: timestamppb.New(d.CreatedAt),
		CloseTime: timeOrNone(d.ClosedAt), Closing: letterClosings[d.Closed], ClosedBy: d.ClosedBy, Why: d.ClosedWhy}
}
