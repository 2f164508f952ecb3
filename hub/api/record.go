package api

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
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
	m.Set(s.fields["etag"], protoreflect.ValueOfString(etag(r)))
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

// etag is quoted, as HTTP has it (AIP-154). A hash, so that nobody counts with it.
func etag(r *store.Record) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d", r.ID, r.Revision))
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:9]) + `"`
}

// answer fills a message's fields by name: a list of messages, a list of texts, or a text.
func answer(shape protoreflect.MessageType, fill func(set func(name string, value any))) (proto.Message, error) {
	m := shape.New()
	var missing []string
	fill(func(name string, value any) {
		field := m.Descriptor().Fields().ByName(protoreflect.Name(name))
		if field == nil {
			missing = append(missing, name)
			return
		}
		switch value := value.(type) {
		case string:
			m.Set(field, protoreflect.ValueOfString(value))
		case []string:
			for _, text := range value {
				m.Mutable(field).List().Append(protoreflect.ValueOfString(text))
			}
		case []proto.Message:
			for _, item := range value {
				m.Mutable(field).List().Append(protoreflect.ValueOfMessage(item.ProtoReflect()))
			}
		}
	})
	if len(missing) > 0 {
		return nil, fmt.Errorf("%s has no field %s", shape.Descriptor().FullName(), strings.Join(missing, ", "))
	}
	return m.Interface(), nil
}
