package canonhub

import (
	"context"
	"iter"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Revision is what a record was, and why it became that.
type Revision[R Record] struct {
	Revision int64
	Time     time.Time
	// Source caused it by its word; CorrelationID finds what led to it in the hub's log.
	Source, CorrelationID string
	// Paths are the attributes that changed.
	Paths []string
	// MergedInto is the record that answers for the id from this revision on; empty where it was not merged.
	MergedInto string
	// Erased says that what the record held was erased: there is no Record.
	Erased bool
	Record R
}

// Revisions yields what a record was, the newest revision first, as far back as the hub keeps changes. It ends after the
// first error.
func (r *Records[R, M]) Revisions(ctx context.Context, id string) iter.Seq2[Revision[R], error] {
	return func(yield func(Revision[R], error) bool) {
		fields := map[string]any{"id": id}
		for {
			out, err := r.call(ctx, "Revisions", fields)
			if err != nil {
				yield(Revision[R]{}, err)
				return
			}
			for _, m := range revisionsIn(out) {
				if !yield(revisionOf[R](m), nil) {
					return
				}
			}
			page, _ := out.(interface{ GetNextPageToken() string })
			if page == nil || page.GetNextPageToken() == "" {
				return
			}
			fields["page_token"] = page.GetNextPageToken()
		}
	}
}

// revisionMessage is what the revisions of all kinds have.
type revisionMessage interface {
	GetRevision() int64
	GetTime() *timestamppb.Timestamp
	GetSource() string
	GetCorrelationId() string
	GetPaths() []string
	GetMergedInto() string
	GetErased() bool
}

func revisionsIn(out proto.Message) []proto.Message {
	field := out.ProtoReflect().Descriptor().Fields().ByName("revisions")
	list := out.ProtoReflect().Get(field).List()
	all := make([]proto.Message, list.Len())
	for i := range all {
		all[i] = list.Get(i).Message().Interface()
	}
	return all
}

func revisionOf[R Record](m proto.Message) Revision[R] {
	from, _ := m.(revisionMessage) // as the schema of all kinds has it
	out := Revision[R]{Revision: from.GetRevision(), Time: from.GetTime().AsTime(), Source: from.GetSource(), CorrelationID: from.GetCorrelationId(),
		Paths: from.GetPaths(), MergedInto: from.GetMergedInto(), Erased: from.GetErased()}
	if with, ok := m.(interface{ GetRecord() R }); ok {
		out.Record = with.GetRecord()
	}
	return out
}

// GetRevision reads one record as it was at a revision of this very id, whatever it was merged into since.
func (r *Records[R, M]) GetRevision(ctx context.Context, id string, revision int64) (R, error) {
	return r.one(ctx, "Get", map[string]any{"id": id, "revision": revision})
}

// GetAt reads one record as it was at a time. Where the id was merged away by then, it is the record that answered for it.
func (r *Records[R, M]) GetAt(ctx context.Context, id string, at time.Time) (R, error) {
	return r.one(ctx, "Get", map[string]any{"id": id, "read_time": timestamppb.New(at)})
}
