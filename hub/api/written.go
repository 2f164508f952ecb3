package api

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	storev1 "github.com/canonhub/canonhub/gen/canonhub/store/v1"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/model"
)

// writtenShape is how writes of a kind are answered, one by one and in batches.
type writtenShape struct {
	kind                       model.Kind
	one, many                  protoreflect.MessageType
	record, revision, outcomes protoreflect.FieldDescriptor
	results, written, failed   protoreflect.FieldDescriptor
}

func newWrittenShape(kind model.Kind, one, many protoreflect.MessageType) (*writtenShape, error) {
	s := &writtenShape{kind: kind, one: one, many: many}
	fields := one.Descriptor().Fields()
	s.record, s.revision, s.outcomes = fields.ByName("record"), fields.ByName("revision"), fields.ByName("outcomes")
	s.results = many.Descriptor().Fields().ByName("results")
	if s.record == nil || s.revision == nil || s.outcomes == nil || s.results == nil || s.results.Message() == nil {
		return nil, fmt.Errorf("%s or %s lacks a field", one.Descriptor().FullName(), many.Descriptor().FullName())
	}
	s.written, s.failed = s.results.Message().Fields().ByName("written"), s.results.Message().Fields().ByName("error")
	if s.written == nil || s.failed == nil {
		return nil, fmt.Errorf("%s lacks a field", s.results.Message().FullName())
	}
	return s, nil
}

// of tells what came of a write. record is nil where there is none.
func (s *writtenShape) of(record proto.Message, w apply.Written) proto.Message {
	m := s.one.New()
	if record != nil {
		m.Set(s.record, protoreflect.ValueOfMessage(record.ProtoReflect()))
	}
	m.Set(s.revision, protoreflect.ValueOfInt64(int64(w.Revision)))
	list := m.Mutable(s.outcomes).List()
	for _, o := range w.Outcomes {
		list.Append(protoreflect.ValueOfMessage(outcome(o).ProtoReflect()))
	}
	return m.Interface()
}

// batch tells what came of each write.
func (s *writtenShape) batch(ctx context.Context, results []result) proto.Message {
	m := s.many.New()
	list := m.Mutable(s.results).List()
	for i := range results {
		one := list.AppendMutable().Message()
		if err := results[i].err; err != nil {
			one.Set(s.failed, protoreflect.ValueOfMessage(statusOf(ctx, err).Proto().ProtoReflect()))
			continue
		}
		one.Set(s.written, protoreflect.ValueOfMessage(results[i].written.ProtoReflect()))
	}
	return m.Interface()
}

var writeResults = map[string]hubv1.WriteResult{
	apply.Accepted: hubv1.WriteResult_WRITE_RESULT_ACCEPTED,
	apply.HeldBack: hubv1.WriteResult_WRITE_RESULT_HELD,
	apply.Refused:  hubv1.WriteResult_WRITE_RESULT_REFUSED,
}

func outcome(o *storev1.Outcome) *hubv1.WriteOutcome {
	return &hubv1.WriteOutcome{Path: o.GetPath(), Result: writeResults[o.GetResult()], Reason: o.GetReason(), Winner: o.GetWinner(), Rule: o.GetRule()}
}

// preconditions are the attributes that a write failed for.
func preconditions(why *apply.WriteError) []*errdetails.PreconditionFailure_Violation {
	var all []*errdetails.PreconditionFailure_Violation
	for _, o := range why.Outcomes {
		description := o.GetReason()
		if o.GetWinner() != "" {
			description = strings.TrimPrefix(description+", the value is "+o.GetWinner()+"'s", ", ")
		}
		all = append(all, &errdetails.PreconditionFailure_Violation{Type: strings.ToUpper(o.GetResult()), Subject: o.GetPath(), Description: description})
	}
	if why.Reason != apply.Outdated {
		return all
	}
	for i, path := range why.Paths {
		if i == maxViolations {
			break
		}
		all = append(all, &errdetails.PreconditionFailure_Violation{Type: "ETAG", Subject: string(path), Description: "it changed since it was read"})
	}
	return all
}
