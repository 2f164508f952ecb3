package api

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// changeShape is how a change of a kind's record is answered, in the feed and in a record's history: both have the fields
// that are filled here.
type changeShape struct {
	message protoreflect.MessageType
	fields  map[protoreflect.Name]protoreflect.FieldDescriptor
	holds   protoreflect.FieldDescriptor
	record  *recordShape
}

// newChangeShape makes a shape; record is the field that holds the record.
func newChangeShape(kind model.Kind, message protoreflect.MessageType, record protoreflect.Name) (*changeShape, error) {
	s := &changeShape{message: message, fields: map[protoreflect.Name]protoreflect.FieldDescriptor{}}
	for _, name := range []protoreflect.Name{"revision", "time", "source", "correlation_id", "paths", "merged_into", "erased", record} {
		field := message.Descriptor().Fields().ByName(name)
		if field == nil {
			return nil, fmt.Errorf("%s has no field %s", message.Descriptor().FullName(), name)
		}
		s.fields[name] = field
	}
	s.holds = s.fields[record]
	held, err := messageType(s.holds.Message())
	if err == nil {
		s.record, err = newRecordShape(kind, held)
	}
	return s, err
}

// of is a change as callers see it. It shares the record's message.
func (s *changeShape) of(c *store.Change) proto.Message {
	m := s.message.New()
	m.Set(s.fields["revision"], protoreflect.ValueOfInt64(int64(c.Revision)))
	m.Set(s.fields["time"], timestamp(c.ChangedAt))
	m.Set(s.fields["source"], protoreflect.ValueOfString(c.Source))
	m.Set(s.fields["correlation_id"], protoreflect.ValueOfString(c.CorrelationID))
	m.Set(s.fields["merged_into"], protoreflect.ValueOfString(string(c.Record.MergedInto)))
	paths := m.Mutable(s.fields["paths"]).List()
	for _, path := range c.Paths {
		paths.Append(protoreflect.ValueOfString(path))
	}
	if c.Record.Message == nil {
		m.Set(s.fields["erased"], protoreflect.ValueOfBool(true))
		return m.Interface()
	}
	m.Set(s.holds, protoreflect.ValueOfMessage(s.record.of(c.Record).ProtoReflect()))
	return m.Interface()
}

// revisionsShape is how a record's history is answered.
type revisionsShape struct {
	message protoreflect.MessageType
	list    *listShape
	one     *changeShape
}

func newRevisionsShape(kind model.Kind, message protoreflect.MessageType) (*revisionsShape, error) {
	list, err := newListShape(message, "next_page_token")
	if err != nil {
		return nil, err
	}
	revision, err := messageType(list.records.Message())
	if err != nil {
		return nil, err
	}
	one, err := newChangeShape(kind, revision, "record")
	return &revisionsShape{message: message, list: list, one: one}, err
}

// of is a page of revisions.
func (s *revisionsShape) of(changes []*store.Change, token string) proto.Message {
	all := make([]proto.Message, len(changes))
	for i, c := range changes {
		all[i] = s.one.of(c)
	}
	return s.list.page(all, token, nil)
}
