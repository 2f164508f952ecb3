package canonhub

import (
	"context"
	"crypto/rand"
	"fmt"

	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
)

// WriteOptions say how a write is made. The zero value writes what the policy accepts and keeps the rest.
type WriteOptions struct {
	// RequestID makes the write count once within 24 hours, however often it is made. Empty: one is made for this call,
	// which is then made again by itself where the hub cannot be reached.
	RequestID string
	// ValidateOnly has the write judged, and nothing written.
	ValidateOnly bool
	// Strict writes nothing where any attribute would not be accepted; the *Error's Refused tells which.
	Strict bool
}

func (o WriteOptions) fields() map[string]any {
	id := o.RequestID
	if id == "" {
		id = rand.Text()
	}
	return map[string]any{"request_id": id, "validate_only": o.ValidateOnly, "strict": o.Strict}
}

// Written is what came of a write.
type Written[R Record] struct {
	// Record as it is now.
	Record R
	// Revision with the write: for GetSince and Await.
	Revision int64
	// Outcomes tell what the policy made of each attribute.
	Outcomes []*hubv1.WriteOutcome
}

// Accepted says that the record has all that was said.
func (w *Written[R]) Accepted() bool {
	for _, o := range w.Outcomes {
		if o.GetResult() != hubv1.WriteResult_WRITE_RESULT_ACCEPTED {
			return false
		}
	}
	return true
}

// Update is what is said of a record.
type Update[M proto.Message] struct {
	ID string
	// Attributes have the values; one in Mask without a value is said to be empty.
	Attributes M
	// Mask names the attributes that are said. Nil: those that Attributes has.
	Mask []string
	// Etag is that of the record as it was read: the write fails with ABORTED where an attribute that it names has changed
	// since. Empty: whatever there is now. PathEtags are the same for single attributes, and go before it.
	Etag      string
	PathEtags map[string]string
	WriteOptions
}

func (u Update[M]) request(kind string) map[string]any {
	fields := u.fields()
	fields["id"], fields[kind], fields["etag"], fields["path_etags"] = u.ID, u.Attributes, u.Etag, u.PathEtags
	if u.Mask != nil {
		fields["update_mask"] = &fieldmaskpb.FieldMask{Paths: u.Mask}
	}
	return fields
}

// Create makes a record of what the caller says. Where a record has a match key of it already, it fails with
// ALREADY_EXISTS, and the *Error's Metadata has its id.
func (r *Records[R, M]) Create(ctx context.Context, attributes M, o WriteOptions) (*Written[R], error) {
	fields := o.fields()
	fields[r.kind] = attributes
	return written[R](r.call(ctx, "Create", fields))
}

// Update takes the caller's word on some attributes.
func (r *Records[R, M]) Update(ctx context.Context, u Update[M]) (*Written[R], error) {
	return written[R](r.call(ctx, "Update", u.request(r.kind)))
}

// Delete deletes a record, where the policy lets the caller. etag may be empty.
func (r *Records[R, M]) Delete(ctx context.Context, id, etag string) (*Written[R], error) {
	fields := WriteOptions{}.fields()
	delete(fields, "strict")
	fields["id"], fields["etag"] = id, etag
	return written[R](r.call(ctx, "Delete", fields))
}

// BatchResult is what came of one update: it was written, or failed as it would have by itself.
type BatchResult[R Record] struct {
	*Written[R]
	Err error
}

// BatchUpdate makes up to 1,000 updates of different records, each judged by itself, and tells what came of them in
// their order.
func (r *Records[R, M]) BatchUpdate(ctx context.Context, updates ...Update[M]) ([]BatchResult[R], error) {
	requests := make([]map[string]any, len(updates))
	for i, u := range updates {
		requests[i] = u.request(r.kind)
	}
	out, err := r.call(ctx, "BatchUpdate", map[string]any{"requests": requests})
	if err != nil {
		return nil, err
	}
	list := out.ProtoReflect().Get(out.ProtoReflect().Descriptor().Fields().ByName("results")).List()
	results := make([]BatchResult[R], list.Len())
	for i := range results {
		one := list.Get(i).Message()
		fields := one.Descriptor().Fields()
		if failed := fields.ByName("error"); one.Has(failed) {
			st, ok := one.Get(failed).Message().Interface().(*rpcstatus.Status)
			if !ok {
				return nil, fmt.Errorf("canonhub: a result's error is a %T", one.Get(failed).Message().Interface())
			}
			results[i].Err = newError(status.FromProto(st), correlationID(ctx))
			continue
		}
		if results[i].Written, err = written[R](one.Get(fields.ByName("written")).Message().Interface(), nil); err != nil {
			return nil, err
		}
	}
	return results, nil
}

func written[R Record](out proto.Message, err error) (*Written[R], error) {
	found, err := answer[interface {
		GetRecord() R
		GetRevision() int64
		GetOutcomes() []*hubv1.WriteOutcome
	}](out, err)
	if err != nil {
		return nil, err
	}
	return &Written[R]{Record: found.GetRecord(), Revision: found.GetRevision(), Outcomes: found.GetOutcomes()}, nil
}

// Await waits until targets have agreed to a revision, or to a later one, or cannot: the answer tells. It waits until
// shortly before the call's deadline. Without targets it waits for all.
func (r *Records[R, M]) Await(ctx context.Context, id string, revision int64, targets ...string) (*hubv1.AwaitResponse, error) {
	return answer[*hubv1.AwaitResponse](r.call(ctx, "Await", map[string]any{"id": id, "revision": revision, "targets": targets}))
}
