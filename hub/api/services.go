package api

import (
	"context"
	"fmt"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/model"
)

// registration is what the doors must know of a service. One that is not of a kind implements the generated interface,
// in a file named after it, and is one entry in services.
type registration struct {
	// file declares the service, and nothing but that.
	file protoreflect.FileDescriptor
	// gateway routes REST to the service.
	gateway func(context.Context, *runtime.ServeMux, *grpc.ClientConn) error
	// serve makes the service and hands it to the gRPC server.
	serve func(Options, grpc.ServiceRegistrar) error
	// kind of a kind's service; empty for others.
	kind model.Kind
	// needs says by method what callers must be allowed to; a kind's service tells that by its descriptor.
	needs map[protoreflect.Name]level
}

// services is the one registration of services at the doors.
var services = []registration{
	ofKind(model.Customer, hubv1.File_canonhub_hub_v1_customer_service_proto, hubv1.RegisterCustomerServiceHandler),
	ofKind(model.Order, hubv1.File_canonhub_hub_v1_order_service_proto, hubv1.RegisterOrderServiceHandler),
	ofKind(model.Invoice, hubv1.File_canonhub_hub_v1_invoice_service_proto, hubv1.RegisterInvoiceServiceHandler),
	ofKind(model.Ticket, hubv1.File_canonhub_hub_v1_ticket_service_proto, hubv1.RegisterTicketServiceHandler),
	{file: hubv1.File_canonhub_hub_v1_connection_service_proto, gateway: hubv1.RegisterConnectionServiceHandler, serve: serveConnections,
		needs: map[protoreflect.Name]level{"ListConnections": mayRead, "GetConnection": mayRead, "ListDiffs": mayRead,
			"PauseConnection": mayOperate, "ResumeConnection": mayOperate, "AuthorizeConnection": mayOperate}},
	{file: hubv1.File_canonhub_hub_v1_credential_service_proto, gateway: hubv1.RegisterCredentialServiceHandler, serve: serveCredentials,
		needs: map[protoreflect.Name]level{"PutCredential": mayOperate, "ListCredentials": mayOperate, "RetireCredential": mayOperate}},
	{file: hubv1.File_canonhub_hub_v1_review_service_proto, gateway: hubv1.RegisterReviewServiceHandler, serve: serveReviews,
		needs: map[protoreflect.Name]level{"ListReviews": mayRead, "GetReview": mayRead, "ResolveReview": mayOperate, "DismissReview": mayOperate, "Decide": mayOperate}},
	{file: hubv1.File_canonhub_hub_v1_dead_letter_service_proto, gateway: hubv1.RegisterDeadLetterServiceHandler, serve: serveDeadLetters,
		needs: map[protoreflect.Name]level{"ListDeadLetters": mayRead, "GetDeadLetter": mayRead, "RedriveDeadLetter": mayOperate,
			"DiscardDeadLetter": mayOperate, "RedriveDeadLetters": mayOperate, "DiscardDeadLetters": mayOperate}},
	{file: hubv1.File_canonhub_hub_v1_pull_service_proto, gateway: hubv1.RegisterPullServiceHandler, serve: servePulls,
		needs: map[protoreflect.Name]level{"ListPulls": mayRead, "GetPull": mayRead, "ListPullFindings": mayRead, "StartPull": mayOperate}},
	{file: hubv1.File_canonhub_hub_v1_retry_service_proto, gateway: hubv1.RegisterRetryServiceHandler, serve: serveRetries,
		needs: map[protoreflect.Name]level{"ListRetries": mayRead}},
	{file: hubv1.File_canonhub_hub_v1_drift_service_proto, gateway: hubv1.RegisterDriftServiceHandler, serve: serveDrift,
		needs: map[protoreflect.Name]level{"ListDrift": mayRead}},
	{file: hubv1.File_canonhub_hub_v1_policy_service_proto, gateway: hubv1.RegisterPolicyServiceHandler, serve: servePolicy,
		needs: map[protoreflect.Name]level{"GetPolicy": mayRead, "ListPolicyVersions": mayRead, "PlanPolicy": mayOperate, "ActivatePolicy": mayOperate}},
	{file: hubv1.File_canonhub_hub_v1_change_service_proto, gateway: hubv1.RegisterChangeServiceHandler, serve: serveChanges,
		needs: map[protoreflect.Name]level{"Watch": mayRead}},
}

// ofKind registers a kind's service, which is built from its descriptor.
func ofKind(kind model.Kind, file protoreflect.FileDescriptor, gateway func(context.Context, *runtime.ServeMux, *grpc.ClientConn) error) registration {
	return registration{file: file, gateway: gateway, kind: kind, serve: func(o Options, to grpc.ServiceRegistrar) error {
		desc, err := newService(newReader(o), kind, file)
		if err != nil {
			return err
		}
		to.RegisterService(desc, nil)
		return nil
	}}
}

// service is the one that the file declares.
func (r registration) service() (protoreflect.ServiceDescriptor, error) {
	if n := r.file.Services().Len(); n != 1 {
		return nil, fmt.Errorf("%s declares %d services; a file has one", r.file.Path(), n)
	}
	return r.file.Services().Get(0), nil
}

// level is how far a caller must be trusted for a method.
type level int

const (
	// mayRead: of a kind's service, that kind. Of another it means any caller: the method itself keeps to the kinds that
	// its caller may read (Caller.Reads).
	mayRead level = iota + 1
	// mayWrite: the service's kind.
	mayWrite
	// mayOperate: reviews, the policy, merges, erasure, credentials.
	mayOperate
)

// access is what a method needs.
type access struct {
	kind  model.Kind
	level level
}

// access tells what a method needs. A method that nobody has thought of is told here, not when it is called.
func (r registration) access(method protoreflect.MethodDescriptor) (access, error) {
	switch needs, told := r.needs[method.Name()]; {
	case told:
		return access{r.kind, needs}, nil
	case r.kind == "":
		return access{}, fmt.Errorf("say in services what %s needs", method.FullName())
	case readsOnly(method):
		return access{r.kind, mayRead}, nil
	}
	if v, err := verbOf(r.kind, method); err == nil && v.operates {
		return access{r.kind, mayOperate}, nil
	}
	return access{r.kind, mayWrite}, nil
}

func readsOnly(method protoreflect.MethodDescriptor) bool {
	options, ok := method.Options().(*descriptorpb.MethodOptions)
	return ok && options.GetIdempotencyLevel() == descriptorpb.MethodOptions_NO_SIDE_EFFECTS
}
