package api

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"buf.build/go/protovalidate"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// abreast is how many writes of one batch are made at a time.
const abreast = 4

// writeRequest is what all writes have.
type writeRequest interface {
	proto.Message
	GetRequestId() string
	GetValidateOnly() bool
}

type createRequest interface {
	writeRequest
	GetStrict() bool
}

type updateRequest interface {
	createRequest
	GetId() string
	GetUpdateMask() *fieldmaskpb.FieldMask
	GetEtag() string
	GetPathEtags() map[string]string
}

type deleteRequest interface {
	writeRequest
	GetId() string
	GetEtag() string
}

func (s *service) create(ctx context.Context, in createRequest) (proto.Message, error) {
	said := s.said(in)
	w := apply.Write{Message: said, Paths: slices.Collect(model.For(s.kind).Stated(said)), Strict: in.GetStrict()}
	return s.write(ctx, w, in)
}

func (s *service) update(ctx context.Context, in updateRequest) (proto.Message, error) {
	said := s.said(in)
	w := apply.Write{RecordID: store.RecordID(in.GetId()), Message: said, Strict: in.GetStrict(),
		Etag: in.GetEtag(), PathEtags: map[model.Path]string{}}
	if in.GetUpdateMask() == nil {
		w.Paths = slices.Collect(model.For(s.kind).Stated(said))
	}
	for _, path := range in.GetUpdateMask().GetPaths() {
		w.Paths = append(w.Paths, model.Path(path))
	}
	for path, etag := range in.GetPathEtags() {
		w.PathEtags[model.Path(path)] = etag
	}
	return s.write(ctx, w, in)
}

func (s *service) delete(ctx context.Context, in deleteRequest) (proto.Message, error) {
	return s.write(ctx, apply.Write{RecordID: store.RecordID(in.GetId()), Delete: true, Etag: in.GetEtag()}, in)
}

// said is what a request says of the record's attributes.
func (s *service) said(in proto.Message) proto.Message {
	m := in.ProtoReflect()
	return m.Get(m.Descriptor().Fields().ByName(protoreflect.Name(s.kind))).Message().Interface()
}

// write makes a caller's write, and answers with the record as it then is.
func (s *service) write(ctx context.Context, w apply.Write, in writeRequest) (proto.Message, error) {
	caller := callerOf(ctx)
	if caller == nil {
		return nil, &failure{reason: hubv1.ErrorReason_ERROR_REASON_NO_CALLER,
			message: "a write needs a caller, whose word it is; configure callers, and send the key of one"}
	}
	print, err := requestPrint(in)
	if err != nil {
		return nil, err
	}
	w.Kind, w.Source, w.CorrelationID, w.Fingerprint = s.kind, caller.Name, correlationOf(ctx), print
	w.RequestID, w.ValidateOnly = in.GetRequestId(), in.GetValidateOnly()
	written, err := s.applier.Write(ctx, w)
	if err != nil {
		return nil, s.unwritten(err, w)
	}
	if w.ValidateOnly && w.RecordID == "" {
		return s.written.of(nil, written), nil
	}
	r, err := s.store.Record(ctx, written.RecordID)
	if err != nil {
		return nil, err
	}
	return s.written.of(s.record.of(r), written), nil
}

// requestPrint tells requests apart. Of one schema the form is always the same; a request that is repeated to a hub of
// another may be refused, never taken for one that it is not.
func requestPrint(in proto.Message) ([]byte, error) {
	text, err := proto.MarshalOptions{Deterministic: true}.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("fingerprint: %w", err)
	}
	sum := sha256.Sum256(append([]byte(in.ProtoReflect().Descriptor().FullName()), text...))
	return sum[:], nil
}

// batchUpdate makes updates, each by itself.
func (s *service) batchUpdate(ctx context.Context, in proto.Message) (proto.Message, error) {
	requests := in.ProtoReflect().Get(in.ProtoReflect().Descriptor().Fields().ByName("requests")).List()
	first := map[string]int{}
	results := make([]result, requests.Len())
	for i := range results {
		request, ok := requests.Get(i).Message().Interface().(updateRequest)
		if !ok {
			return nil, fmt.Errorf("%s is no list of updates", in.ProtoReflect().Descriptor().FullName())
		}
		results[i].request = request
		if before, twice := first[request.GetId()]; twice {
			return nil, invalidField(fmt.Sprintf("requests[%d].id", i), fmt.Sprintf("request %d is of this record already; say all of it there", before))
		}
		first[request.GetId()] = i
	}
	var writers errgroup.Group
	writers.SetLimit(abreast)
	for i := range results {
		writers.Go(func() error { results[i].make(ctx, s); return nil })
	}
	_ = writers.Wait() // each keeps its own error
	return s.written.batch(ctx, results), nil
}

// result is what came of one update of a batch.
type result struct {
	request updateRequest
	written proto.Message
	err     error
}

func (r *result) make(ctx context.Context, s *service) {
	if r.err = protovalidate.Validate(r.request); r.err != nil {
		r.err = invalid(r.err)
		return
	}
	r.err = recoverPanic(ctx, "", func(ctx context.Context) (err error) {
		r.written, err = s.update(ctx, r.request)
		return err
	})
}

// unwritten tells a caller why its write was not made.
func (s *service) unwritten(err error, w apply.Write) error {
	var why *apply.WriteError
	switch {
	case errors.Is(err, apply.ErrErased):
		return &failure{reason: hubv1.ErrorReason_ERROR_REASON_WRITE_REFUSED, message: apply.ErrErased.Error()}
	case !errors.As(err, &why):
		return err
	}
	f := &failure{reason: writeReasons[why.Reason], message: why.Message, metadata: map[string]string{}}
	switch why.Reason {
	case apply.NoRecord:
		return recordNotFound(string(w.RecordID))
	case apply.NoPath:
		f.field = "update_mask"
	case apply.BadReference:
		f.field = string(s.kind) + "." + string(why.Paths[0])
	case apply.Exists:
		f.metadata["id"] = string(why.Records[0])
	case apply.Outdated:
		f.metadata["etag"] = why.Etag
	}
	f.preconditions = preconditions(why)
	return f
}

var writeReasons = map[apply.WriteReason]hubv1.ErrorReason{
	apply.NoPolicy:      hubv1.ErrorReason_ERROR_REASON_WRITE_REFUSED,
	apply.NoPath:        hubv1.ErrorReason_ERROR_REASON_INVALID_REQUEST,
	apply.NotCreated:    hubv1.ErrorReason_ERROR_REASON_WRITE_REFUSED,
	apply.Exists:        hubv1.ErrorReason_ERROR_REASON_RECORD_EXISTS,
	apply.Deleted:       hubv1.ErrorReason_ERROR_REASON_WRITE_REFUSED,
	apply.NotAllowed:    hubv1.ErrorReason_ERROR_REASON_WRITE_REFUSED,
	apply.Outdated:      hubv1.ErrorReason_ERROR_REASON_ETAG_MISMATCH,
	apply.BadReference:  hubv1.ErrorReason_ERROR_REASON_INVALID_REQUEST,
	apply.NotAccepted:   hubv1.ErrorReason_ERROR_REASON_WRITE_REFUSED,
	apply.RequestReused: hubv1.ErrorReason_ERROR_REASON_REQUEST_ID_REUSED,
}
