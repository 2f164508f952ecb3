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
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/gate"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/policy"
	"github.com/canonhub/canonhub/hub/store"
)

// reviews is the ReviewService.
type reviews struct {
	hubv1.UnimplementedReviewServiceServer
	*reader
	gate *gate.Gate
}

func serveReviews(o Options, to grpc.ServiceRegistrar) error {
	hubv1.RegisterReviewServiceServer(to, &reviews{reader: newReader(o), gate: o.Gate})
	return nil
}

// reviewPlace is where a page of reviews ended.
type reviewPlace struct {
	Micros int64  `json:"t"`
	ID     int64  `json:"i"`
	Of     string `json:"l"`
}

// ListReviews reads a page of those about kinds that the caller may read.
func (s *reviews) ListReviews(ctx context.Context, in *hubv1.ListReviewsRequest) (*hubv1.ListReviewsResponse, error) {
	q := store.ReviewQuery{Kinds: readable(ctx, in.GetKind()), Connection: in.GetConnection(), Reason: reviewReasons[in.GetReason()],
		RecordID: store.RecordID(in.GetRecordId()), IncludeClosed: in.GetIncludeClosed(), Limit: cmp.Or(int(in.GetPageSize()), defaultPageSize)}
	if in.GetOpenedSince() != nil {
		q.OpenedSince = in.GetOpenedSince().AsTime()
	}
	if in.GetOpenedBefore() != nil {
		q.OpenedBefore = in.GetOpenedBefore().AsTime()
	}
	of := hashed(fmt.Appendf(nil, "%q %q %d %q %v %v %t", in.GetKind(), in.GetConnection(), in.GetReason(), in.GetRecordId(), q.OpenedSince, q.OpenedBefore, in.GetIncludeClosed()))
	if in.GetPageToken() != "" {
		var place reviewPlace
		text, err := base64.RawURLEncoding.DecodeString(in.GetPageToken())
		if err != nil || json.Unmarshal(text, &place) != nil || place.Of != of {
			return nil, &failure{reason: hubv1.ErrorReason_ERROR_REASON_INVALID_PAGE_TOKEN, field: "page_token",
				message: "this list did not make the page token, or was asked for something else; begin at the first page"}
		}
		q.After = &store.ReviewPosition{OpenedAt: time.UnixMicro(place.Micros).UTC(), ID: place.ID}
	}
	size := q.Limit
	q.Limit++
	found, err := s.store.Reviews(ctx, q)
	if err != nil {
		return nil, err
	}
	out := &hubv1.ListReviewsResponse{}
	if len(found) > size {
		found = found[:size]
		last, _ := json.Marshal(reviewPlace{found[size-1].OpenedAt.UnixMicro(), found[size-1].ID, of}) // of numbers and a text: cannot fail
		out.NextPageToken = base64.RawURLEncoding.EncodeToString(last)
	}
	for _, r := range found {
		out.Reviews = append(out.Reviews, reviewOf(r))
	}
	return out, nil
}

// readable are the kinds that the caller may read, or the one that it asks for if that is among them.
func readable(ctx context.Context, asked string) []model.Kind {
	return slices.DeleteFunc(model.Kinds(), func(kind model.Kind) bool {
		return asked != "" && asked != string(kind) || !callerOf(ctx).Reads(kind)
	})
}

// maxReviewed bounds the records that a review is shown with.
const maxReviewed = 10

// GetReview shows both sides: the records in question as the fold explains them.
func (s *reviews) GetReview(ctx context.Context, in *hubv1.GetReviewRequest) (*hubv1.Review, error) {
	r, err := s.review(ctx, in.GetId())
	if err != nil {
		return nil, err
	}
	out := reviewOf(r)
	for i, id := range r.RecordIDs {
		if i == maxReviewed {
			break
		}
		b, err := s.store.Bundle(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		explanation, err := s.explanation(ctx, b)
		if err != nil {
			return nil, err
		}
		if out.RecordIds[i] = string(b.Record.ID); !slices.ContainsFunc(out.GetRecords(), func(e *hubv1.Explanation) bool { return e.GetId() == explanation.GetId() }) {
			out.Records = append(out.Records, explanation)
		}
	}
	return out, nil
}

// review reads one that the caller may see.
func (s *reviews) review(ctx context.Context, id int64) (*store.Review, error) {
	r, err := s.store.Review(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && !callerOf(ctx).Reads(r.Kind) {
		return nil, &failure{reason: hubv1.ErrorReason_ERROR_REASON_REVIEW_NOT_FOUND, message: "no review has this number",
			metadata: map[string]string{"id": fmt.Sprint(id)}}
	}
	return r, err
}

// open reads one that is still to be decided.
func (s *reviews) open(ctx context.Context, id int64) (*store.Review, error) {
	r, err := s.review(ctx, id)
	if err == nil && !r.ClosedAt.IsZero() {
		err = reviewClosed(id, fmt.Sprintf("the review was %s by %s already", r.Resolution, cmp.Or(r.ClosedBy, "the hub")))
	}
	return r, err
}

func reviewClosed(id int64, message string) error {
	return &failure{reason: hubv1.ErrorReason_ERROR_REASON_REVIEW_CLOSED, message: message, metadata: map[string]string{"id": fmt.Sprint(id)}}
}

// Decide decides over one attribute of one record.
func (s *reviews) Decide(ctx context.Context, in *hubv1.DecideRequest) (*hubv1.DecideResponse, error) {
	d := apply.Decision{RecordID: store.RecordID(in.GetRecordId()), Path: model.Path(in.GetPath()), Why: in.GetWhy()}
	switch choice := in.GetChoice().(type) {
	case *hubv1.DecideRequest_Take:
		d.Take, d.TakeFrom = choice.Take.GetSource(), choice.Take.GetExternalId()
	case *hubv1.DecideRequest_Authority:
		d.Authority = choice.Authority
	case *hubv1.DecideRequest_Withdraw:
		d.Withdraw = true
	}
	result, err := s.decide(ctx, d, in.GetValue())
	if err != nil {
		return nil, err
	}
	b, err := s.store.Bundle(ctx, result.RecordID)
	if err != nil {
		return nil, err
	}
	explanation, err := s.explanation(ctx, b)
	return &hubv1.DecideResponse{Revision: int64(result.Revision), Explanation: explanation}, err
}

// decide hands a decision on, with the value that goes with it where there is one.
func (s *reviews) decide(ctx context.Context, d apply.Decision, value *structpb.Value) (apply.Result, error) {
	d.By, d.CorrelationID = actorOf(ctx), correlationOf(ctx)
	b, err := s.store.Bundle(ctx, d.RecordID)
	if errors.Is(err, store.ErrNotFound) || err == nil && !callerOf(ctx).Reads(b.Record.Kind) {
		return apply.Result{}, recordNotFound(string(d.RecordID))
	}
	if err != nil {
		return apply.Result{}, err
	}
	active, err := s.active(ctx, b)
	if err != nil {
		return apply.Result{}, err
	}
	rules := active.Policy.Kind(b.Record.Kind)
	if rules == nil {
		return apply.Result{}, noChoice("path", apply.ErrNoAttribute)
	}
	if d.Authority != "" && d.Authority != policy.Operator && !s.sources[d.Authority] {
		return apply.Result{}, noChoice("authority", errors.New("no source has this name"))
	}
	if value != nil {
		_, leaves := rules.Over(nil, d.Path)
		d.Message = rules.Schema.New()
		if err := rules.Schema.SetJSON(d.Message, d.Path, leaves, value); err != nil {
			return apply.Result{}, noChoice("value", err)
		}
	}
	result, err := s.applier.Decide(ctx, d)
	for _, known := range []error{apply.ErrNoAttribute, apply.ErrNoSide, apply.ErrNoDecision} {
		if errors.Is(err, known) {
			return result, noChoice("choice", known)
		}
	}
	return result, err
}

func noChoice(field string, err error) error {
	return &failure{reason: hubv1.ErrorReason_ERROR_REASON_INVALID_CHOICE, field: field, message: err.Error()}
}

// actorOf is who does it, for the audit: the caller, or whoever is on this machine.
func actorOf(ctx context.Context) string {
	if caller := callerOf(ctx); caller != nil {
		return caller.Name
	}
	return "loopback"
}

var reviewReasons = map[hubv1.ReviewReason]store.ReviewReason{
	hubv1.ReviewReason_REVIEW_REASON_AMBIGUOUS_MATCH:  store.AmbiguousMatch,
	hubv1.ReviewReason_REVIEW_REASON_MERGED_AT_SOURCE: store.MergedAtSource,
	hubv1.ReviewReason_REVIEW_REASON_SHARED_KEY:       store.SharedKey,
	hubv1.ReviewReason_REVIEW_REASON_HELD:             store.Held,
	hubv1.ReviewReason_REVIEW_REASON_TUG_OF_WAR:       store.TugOfWar,
	hubv1.ReviewReason_REVIEW_REASON_BRAKED:           store.Braked,
	hubv1.ReviewReason_REVIEW_REASON_VANISHED:         store.Vanished,
	hubv1.ReviewReason_REVIEW_REASON_ERASE_REQUESTED:  store.EraseRequested,
}

var reviewResolutions = map[store.Resolution]hubv1.ReviewResolution{
	store.Resolved:      hubv1.ReviewResolution_REVIEW_RESOLUTION_RESOLVED,
	store.Dismissed:     hubv1.ReviewResolution_REVIEW_RESOLUTION_DISMISSED,
	store.SettledItself: hubv1.ReviewResolution_REVIEW_RESOLUTION_SETTLED,
}

func reviewOf(r *store.Review) *hubv1.Review {
	out := &hubv1.Review{Id: r.ID, Kind: string(r.Kind), Connection: r.Connection, ExternalId: r.ExternalID, Path: string(r.Path),
		Detail: r.Detail, OpenTime: timestamppb.New(r.OpenedAt), CorrelationId: r.CorrelationID, ClosedBy: r.ClosedBy,
		Resolution: reviewResolutions[r.Resolution], Why: r.ClosedWhy}
	for reason, stored := range reviewReasons {
		if stored == r.Reason {
			out.Reason = reason
		}
	}
	for _, id := range r.RecordIDs {
		out.RecordIds = append(out.RecordIds, string(id))
	}
	if r.ClosedAt.IsZero() {
		out.Choices = append(choices[r.Reason], "dismiss")
	} else {
		out.CloseTime = timestamppb.New(r.ClosedAt)
	}
	return out
}

// choices are how a review may be resolved, by its reason.
var choices = map[store.ReviewReason][]string{
	store.AmbiguousMatch: {"link_to", "merge"},
	store.MergedAtSource: {"merge"},
	store.SharedKey:      {"merge"},
	store.Held:           {"take", "value", "authority"},
	store.TugOfWar:       {"resume"},
	store.Braked:         {"let_through", "resume"},
	store.Vanished:       {"let_through"},
	store.EraseRequested: {"let_through"},
}
