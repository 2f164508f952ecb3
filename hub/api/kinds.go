package api

import (
	"context"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoreflect"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/model"
)

// registration is what the doors must know of a kind.
type registration struct {
	kind model.Kind
	// file declares the kind's service, and nothing but that.
	file protoreflect.FileDescriptor
	// gateway routes REST to the service.
	gateway func(context.Context, *runtime.ServeMux, *grpc.ClientConn) error
}

// kinds is the one registration of a kind at the doors.
var kinds = []registration{
	{model.Customer, hubv1.File_canonhub_hub_v1_customer_service_proto, hubv1.RegisterCustomerServiceHandler},
	{model.Order, hubv1.File_canonhub_hub_v1_order_service_proto, hubv1.RegisterOrderServiceHandler},
	{model.Invoice, hubv1.File_canonhub_hub_v1_invoice_service_proto, hubv1.RegisterInvoiceServiceHandler},
	{model.Ticket, hubv1.File_canonhub_hub_v1_ticket_service_proto, hubv1.RegisterTicketServiceHandler},
}
