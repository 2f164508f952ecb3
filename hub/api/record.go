package api

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// recordShape is how a kind's record is answered: the fields that all kinds share, and the attributes in a field named
// as the kind.
type recordShape struct {
	message protoreflect.MessageType
	fields  map[string]protoreflect.FieldDescriptor
	kind    string
}

func newRecordShape(kind model.Kind, message protoreflect.MessageType) (*recordShape, error) {
	s := &recordShape{message: message, fields: map[string]protoreflect.FieldDescriptor{}, kind: string(kind)}
	names := []string{"id", "revision", "etag", "create_time", "update_time", "delete_time", "placeholder", s.kind}
	for _, name := range names {
		field := message.Descriptor().Fields().ByName(protoreflect.Name(name))
		if field == nil {
			return nil, fmt.Errorf("%s has no field %s", message.Descriptor().FullName(), name)
		}
		s.fields[name] = field
	}
	if got := s.fields[s.kind].Message(); got == nil || got != model.For(kind).New().ProtoReflect().Descriptor() {
		return nil, fmt.Errorf("%s is no canonical %s", s.fields[s.kind].FullName(), kind)
	}
	return s, nil
}

// of is a record as callers see it. It shares the record's message.
func (s *recordShape) of(r *store.Record) proto.Message {
	m := s.message.New()
	m.Set(s.fields["id"], protoreflect.ValueOfString(string(r.ID)))
	m.Set(s.fields["revision"], protoreflect.ValueOfInt64(int64(r.Revision)))
	m.Set(s.fields["etag"], protoreflect.ValueOfString(store.Etag(r.ID, r.Revision)))
	m.Set(s.fields["create_time"], timestamp(r.CreatedAt))
	m.Set(s.fields["update_time"], timestamp(r.UpdatedAt))
	if !r.DeletedAt.IsZero() {
		m.Set(s.fields["delete_time"], timestamp(r.DeletedAt))
	}
	m.Set(s.fields["placeholder"], protoreflect.ValueOfBool(r.Placeholder))
	m.Set(s.fields[s.kind], protoreflect.ValueOfMessage(r.Message.ProtoReflect()))
	return m.Interface()
}

func timestamp(t time.Time) protoreflect.Value {
	return protoreflect.ValueOfMessage(timestamppb.New(t).ProtoReflect())
}

// listShape is how several records are answered: a list of them, and one further field.
type listShape struct {
	message protoreflect.MessageType
	records protoreflect.FieldDescriptor
	further protoreflect.FieldDescriptor
	// sizes are the fields for a list's size: exact, and at least. Only pages have them.
	sizes [2]protoreflect.FieldDescriptor
}

func newListShape(message protoreflect.MessageType, further protoreflect.Name) (*listShape, error) {
	s := &listShape{message: message, further: message.Descriptor().Fields().ByName(further),
		sizes: [2]protoreflect.FieldDescriptor{message.Descriptor().Fields().ByName("total_size"), message.Descriptor().Fields().ByName("total_size_at_least")}}
	for i := range message.Descriptor().Fields().Len() {
		if field := message.Descriptor().Fields().Get(i); field.IsList() && field.Message() != nil {
			s.records = field
		}
	}
	if s.records == nil || s.further == nil {
		return nil, fmt.Errorf("%s has no list of records, or no field %s", message.Descriptor().FullName(), further)
	}
	return s, nil
}

func (s *listShape) of(records []proto.Message) protoreflect.Message {
	m := s.message.New()
	list := m.Mutable(s.records).List()
	for _, record := range records {
		list.Append(protoreflect.ValueOfMessage(record.ProtoReflect()))
	}
	return m
}

// batch answers with records and the ids that do not exist.
func (s *listShape) batch(records []proto.Message, missing []string) proto.Message {
	m := s.of(records)
	for _, id := range missing {
		m.Mutable(s.further).List().Append(protoreflect.ValueOfString(id))
	}
	return m.Interface()
}

// page answers with records, the next page's token, and the list's size unless it is nil.
func (s *listShape) page(records []proto.Message, token string, size *store.Size) proto.Message {
	m := s.of(records)
	m.Set(s.further, protoreflect.ValueOfString(token))
	if size != nil {
		field := s.sizes[1]
		if size.Exact {
			field = s.sizes[0]
		}
		m.Set(field, protoreflect.ValueOfInt32(int32(size.Records)))
	}
	return m.Interface()
}
