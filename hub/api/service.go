package api

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/canonhub/canonhub/hub/model"
)

// service is one kind's reads and writes.
type service struct {
	*reader
	kind    model.Kind
	answers map[string]protoreflect.MessageType // by verb
	record  *recordShape
	batch   *listShape
	page    *listShape
	written *writtenShape
	history *revisionsShape
}

// verb is what a method does, whatever its kind: the method's name is the verb's with the kind's, in singular or plural,
// where the star is.
type verb struct {
	name string
	fits func(request proto.Message) bool
	call func(*service, context.Context, proto.Message) (proto.Message, error)
	// operates says that it takes a caller who may operate the hub, not one who may write the kind.
	operates bool
}

// verbs are all methods that a kind's service may have.
var verbs = []verb{
	on("Get*", (*service).get),
	on("BatchGet*", (*service).batchGet),
	on("List*", (*service).list),
	on("Lookup*", (*service).lookup),
	on("Explain*", (*service).explain),
	on("List*Views", (*service).listViews),
	on("Await*", (*service).await),
	on("List*Revisions", (*service).revisions),
	on("Create*", (*service).create),
	on("Update*", (*service).update),
	on("Delete*", (*service).delete),
	on("BatchUpdate*", (*service).batchUpdate),
	operated("Merge*", (*service).merge),
	operated("Unmerge*", (*service).unmerge),
	operated("Link*", (*service).link),
	operated("Unlink*", (*service).unlink),
	operated("Erase*", (*service).erase),
}

// operated makes a verb of a method for those who operate the hub.
func operated[In any](name string, do func(*service, context.Context, In) (proto.Message, error)) verb {
	v := on(name, do)
	v.operates = true
	return v
}

// on makes a verb of a method that reads requests of any type with the getters of In.
func on[In any](name string, do func(*service, context.Context, In) (proto.Message, error)) verb {
	return verb{
		name: name,
		fits: func(request proto.Message) bool { _, ok := request.(In); return ok },
		call: func(s *service, ctx context.Context, request proto.Message) (proto.Message, error) {
			in, ok := request.(In)
			if !ok {
				return nil, fmt.Errorf("request %T is not for %s", request, name)
			}
			return do(s, ctx, in)
		},
	}
}

// newService builds a kind's gRPC service from its descriptor. What does not fit is told here, not when it is called.
func newService(r *reader, kind model.Kind, file protoreflect.FileDescriptor) (*grpc.ServiceDesc, error) {
	declared := file.Services().Get(0)
	s := &service{reader: r, kind: kind, answers: map[string]protoreflect.MessageType{}}
	desc := &grpc.ServiceDesc{ServiceName: string(declared.FullName()), HandlerType: (*any)(nil), Metadata: file.Path()}
	for i := range declared.Methods().Len() {
		method, err := s.method(declared.Methods().Get(i))
		if err != nil {
			return nil, err
		}
		desc.Methods = append(desc.Methods, method)
	}
	if err := s.shape(); err != nil {
		return nil, fmt.Errorf("%s: %w", declared.FullName(), err)
	}
	return desc, nil
}

// shape looks at what the verbs answer.
func (s *service) shape() error {
	for _, v := range verbs {
		if s.answers[v.name] == nil {
			return fmt.Errorf("it has no method for %s", v.name)
		}
	}
	var errs [5]error
	s.record, errs[0] = newRecordShape(s.kind, s.answers["Get*"])
	s.batch, errs[1] = newListShape(s.answers["BatchGet*"], "missing_ids")
	s.page, errs[2] = newListShape(s.answers["List*"], "next_page_token")
	s.written, errs[3] = newWrittenShape(s.kind, s.answers["Update*"], s.answers["BatchUpdate*"])
	s.history, errs[4] = newRevisionsShape(s.kind, s.answers["List*Revisions"])
	if errs[2] == nil && (s.page.sizes[0] == nil || s.page.sizes[1] == nil) {
		errs[2] = fmt.Errorf("%s has no total_size or no total_size_at_least", s.answers["List*"].Descriptor().FullName())
	}
	return errors.Join(errs[:]...)
}

func (s *service) method(declared protoreflect.MethodDescriptor) (grpc.MethodDesc, error) {
	v, err := verbOf(s.kind, declared)
	if err != nil {
		return grpc.MethodDesc{}, err
	}
	request, err := protoregistry.GlobalTypes.FindMessageByName(declared.Input().FullName())
	if err != nil {
		return grpc.MethodDesc{}, err
	}
	if s.answers[v.name], err = protoregistry.GlobalTypes.FindMessageByName(declared.Output().FullName()); err != nil {
		return grpc.MethodDesc{}, err
	}
	if !v.fits(request.New().Interface()) {
		return grpc.MethodDesc{}, fmt.Errorf("%s lacks a field that %s reads", declared.Input().FullName(), v.name)
	}
	info := &grpc.UnaryServerInfo{FullMethod: fmt.Sprintf("/%s/%s", declared.Parent().FullName(), declared.Name())}
	call := func(ctx context.Context, in any) (any, error) { return v.call(s, ctx, in.(proto.Message)) }
	return grpc.MethodDesc{MethodName: string(declared.Name()),
		Handler: func(_ any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
			in := request.New().Interface()
			if err := decode(in); err != nil {
				return nil, err
			}
			return interceptor(ctx, in, info, call)
		}}, nil
}

func verbOf(kind model.Kind, declared protoreflect.MethodDescriptor) (verb, error) {
	name := strings.ToUpper(string(kind[:1])) + string(kind[1:])
	for _, v := range verbs {
		before, after, _ := strings.Cut(v.name, "*")
		fits := string(declared.Name()) == before+name+after || string(declared.Name()) == before+name+"s"+after
		if fits && !declared.IsStreamingClient() && !declared.IsStreamingServer() {
			return v, nil
		}
	}
	return verb{}, fmt.Errorf("%s is none of the methods that kinds have", declared.FullName())
}
