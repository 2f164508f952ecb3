package canonhub

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/timestamppb"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
)

// Record is what the records of all kinds have.
type Record interface {
	proto.Message
	GetId() string
	GetRevision() int64
	GetEtag() string
	GetCreateTime() *timestamppb.Timestamp
	GetUpdateTime() *timestamppb.Timestamp
	GetDeleteTime() *timestamppb.Timestamp
	GetPlaceholder() bool
}

// Records reads and writes the records of one kind: R is its record, M its attributes. The services of all kinds have
// the same shape and differ in names alone, which are taken from their descriptors.
type Records[R Record, M proto.Message] struct {
	kind    string
	conn    grpc.ClientConnInterface
	methods map[string]rpc // by verb
}

// rpc is one method of a kind's service.
type rpc struct {
	name    string
	in, out protoreflect.MessageType
}

// verbs are what a kind's service does; a method's name is the verb's and the kind's, or lists it of the kind.
var verbs = []string{"Get", "BatchGet", "List", "Lookup", "Explain", "Await", "Create", "Update", "Delete", "BatchUpdate",
	"Merge", "Unmerge", "Link", "Unlink", "Erase", "Revisions", "Views"}

func newRecords[R Record, M proto.Message](conn grpc.ClientConnInterface, file protoreflect.FileDescriptor) (*Records[R, M], error) {
	service := file.Services().Get(0)
	kind := strings.TrimSuffix(string(service.Name()), "Service")
	r := &Records[R, M]{kind: strings.ToLower(kind), conn: conn, methods: map[string]rpc{}}
	for _, verb := range verbs {
		method := service.Methods().ByName(protoreflect.Name(verb + kind))
		if method == nil {
			method = service.Methods().ByName(protoreflect.Name(verb + kind + "s"))
		}
		if method == nil {
			method = service.Methods().ByName(protoreflect.Name("List" + kind + verb))
		}
		if method == nil {
			return nil, fmt.Errorf("%s has no method for %s", service.FullName(), verb)
		}
		found, err := newRPC(method)
		if err != nil {
			return nil, err
		}
		r.methods[verb] = found
	}
	return r, nil
}

func newRPC(method protoreflect.MethodDescriptor) (rpc, error) {
	in, err := protoregistry.GlobalTypes.FindMessageByName(method.Input().FullName())
	if err != nil {
		return rpc{}, err
	}
	out, err := protoregistry.GlobalTypes.FindMessageByName(method.Output().FullName())
	return rpc{name: fmt.Sprintf("/%s/%s", method.Parent().FullName(), method.Name()), in: in, out: out}, err
}

// call makes a request with the given fields, and returns its answer.
func (r *Records[R, M]) call(ctx context.Context, verb string, fields map[string]any) (proto.Message, error) {
	method := r.methods[verb]
	in, out := method.in.New(), method.out.New().Interface()
	fill(in, fields)
	return out, r.conn.Invoke(ctx, method.name, in.Interface(), out)
}

// fill sets fields of a request.
func fill(in protoreflect.Message, fields map[string]any) {
	for name, value := range fields {
		field := in.Descriptor().Fields().ByName(protoreflect.Name(name))
		switch value := value.(type) {
		case []string:
			for _, text := range value {
				in.Mutable(field).List().Append(protoreflect.ValueOfString(text))
			}
		case []map[string]any:
			for _, fields := range value {
				fill(in.Mutable(field).List().AppendMutable().Message(), fields)
			}
		case map[string]string:
			for key, text := range value {
				in.Mutable(field).Map().Set(protoreflect.ValueOfString(key).MapKey(), protoreflect.ValueOfString(text))
			}
		case proto.Message:
			if value.ProtoReflect().IsValid() { // else a nil pointer
				in.Set(field, protoreflect.ValueOfMessage(value.ProtoReflect()))
			}
		default:
			in.Set(field, protoreflect.ValueOf(value))
		}
	}
}

func (r *Records[R, M]) one(ctx context.Context, verb string, fields map[string]any) (R, error) {
	return answer[R](r.call(ctx, verb, fields))
}

// answer is what a call answered, as the type that it is known to be.
func answer[A any](out proto.Message, err error) (A, error) {
	var none A
	if err != nil {
		return none, err
	}
	found, ok := out.(A)
	if !ok {
		return none, fmt.Errorf("canonhub: the hub answers with %T, not %T", out, none)
	}
	return found, nil
}

// Get reads one record. An id that was merged away answers with the record that lives on.
func (r *Records[R, M]) Get(ctx context.Context, id string) (R, error) {
	return r.one(ctx, "Get", map[string]any{"id": id})
}

// GetSince reads one record as of a revision or a later one: what a write answered. It waits for it in the call's time.
func (r *Records[R, M]) GetSince(ctx context.Context, id string, revision int64) (R, error) {
	return r.one(ctx, "Get", map[string]any{"id": id, "min_revision": revision})
}

// Lookup finds the record that an object at a connection is linked to.
func (r *Records[R, M]) Lookup(ctx context.Context, connection, externalID string) (R, error) {
	return r.one(ctx, "Lookup", map[string]any{"connection": connection, "external_id": externalID})
}

// Explain tells for each attribute which source it is from, by which rule, and which claims lost; and for each target
// how far it agrees.
func (r *Records[R, M]) Explain(ctx context.Context, id string) (*hubv1.Explanation, error) {
	return answer[*hubv1.Explanation](r.call(ctx, "Explain", map[string]any{"id": id}))
}

// Views reads what each source says of a record.
func (r *Records[R, M]) Views(ctx context.Context, id string) ([]*hubv1.SourceView, error) {
	out, err := answer[*hubv1.ViewsResponse](r.call(ctx, "Views", map[string]any{"id": id}))
	return out.GetViews(), err
}

// BatchGet reads up to 1,000 records in one snapshot, in the order asked for, and lists the ids that do not exist.
func (r *Records[R, M]) BatchGet(ctx context.Context, ids ...string) (records []R, missing []string, err error) {
	out, err := r.call(ctx, "BatchGet", map[string]any{"ids": ids})
	if err != nil {
		return nil, nil, err
	}
	if out, ok := out.(interface{ GetMissingIds() []string }); ok {
		missing = out.GetMissingIds()
	}
	records, err = recordsIn[R](out)
	return records, missing, err
}

// ListOptions choose and order what List yields. The zero value is all records, those that changed last at the end.
type ListOptions struct {
	// UpdatedFrom (inclusive) and UpdatedUntil (exclusive) bound the update time; zero leaves that side open.
	UpdatedFrom, UpdatedUntil time.Time
	// Filter is a condition in AIP-160's notation beside these.
	Filter string
	// NewestFirst begins with those that changed last.
	NewestFirst bool
	// OrderBy is another order, in AIP-132's notation: `email, create_time desc`. It goes before NewestFirst.
	OrderBy string
	// PageSize is how many are fetched at once, at most 1,000; 0 lets the hub choose.
	PageSize int
}

func (o ListOptions) fields() map[string]any {
	var conditions []string
	if !o.UpdatedFrom.IsZero() {
		conditions = append(conditions, fmt.Sprintf("update_time >= %q", o.UpdatedFrom.UTC().Format(time.RFC3339Nano)))
	}
	if !o.UpdatedUntil.IsZero() {
		conditions = append(conditions, fmt.Sprintf("update_time < %q", o.UpdatedUntil.UTC().Format(time.RFC3339Nano)))
	}
	if o.Filter != "" {
		conditions = append(conditions, o.Filter)
	}
	order := "update_time"
	if o.NewestFirst {
		order = "update_time desc"
	}
	order = cmp.Or(o.OrderBy, order)
	size := int32(min(max(o.PageSize, -1), 1_000_000)) // the hub refuses what is out of its range
	return map[string]any{"filter": strings.Join(conditions, " AND "), "order_by": order, "page_size": size}
}

// List yields records by update time, fetching page by page as the loop goes on. It ends after the first error. A record
// that changes meanwhile moves to the end and is yielded again.
func (r *Records[R, M]) List(ctx context.Context, o ListOptions) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		fields := o.fields()
		for {
			page, next, err := r.page(ctx, fields)
			for _, record := range page {
				if !yield(record, nil) {
					return
				}
			}
			if err != nil {
				var none R
				yield(none, err)
				return
			}
			if next == "" {
				return
			}
			fields["page_token"] = next
		}
	}
}

func (r *Records[R, M]) page(ctx context.Context, fields map[string]any) (records []R, next string, err error) {
	out, err := r.call(ctx, "List", fields)
	if err != nil {
		return nil, "", err
	}
	if out, ok := out.(interface{ GetNextPageToken() string }); ok {
		next = out.GetNextPageToken()
	}
	records, err = recordsIn[R](out)
	return records, next, err
}

// recordsIn are the records in an answer, which has one list of them.
func recordsIn[R Record](out proto.Message) ([]R, error) {
	m := out.ProtoReflect()
	for i := range m.Descriptor().Fields().Len() {
		field := m.Descriptor().Fields().Get(i)
		if !field.IsList() || field.Message() == nil {
			continue
		}
		list := m.Get(field).List()
		records := make([]R, list.Len())
		for j := range records {
			record, ok := list.Get(j).Message().Interface().(R)
			if !ok {
				return nil, fmt.Errorf("canonhub: %s lists %T", m.Descriptor().FullName(), list.Get(j).Message().Interface())
			}
			records[j] = record
		}
		return records, nil
	}
	return nil, fmt.Errorf("canonhub: %s lists no records", m.Descriptor().FullName())
}
