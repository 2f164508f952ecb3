package canonhub

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
)

// Error is what a failed call returns.
type Error struct {
	// Code is gRPC's.
	Code codes.Code
	// Reason is the hub's own, to switch on; unspecified where the failure is not the hub's: it could not be reached.
	Reason hubv1.ErrorReason
	// Message is for people.
	Message string
	// Metadata tells what it is about: `id`, `connection`, `external_id`.
	Metadata map[string]string
	// Violations are the fields of the request at fault.
	Violations []Violation
	// Refused are the attributes that a write failed for, with why: those that a strict one would not have had accepted,
	// or those that changed since they were read.
	Refused []Violation
	// CorrelationID finds the call in the hub's log; empty where the hub was not reached and none was sent.
	CorrelationID string
	// RetryAfter is how long the hub asks to wait; zero where it does not.
	RetryAfter time.Duration

	status *status.Status
}

// Violation is one field or attribute at fault.
type Violation struct {
	Field, Description string
}

// Error tells the reason, the message and where to look further.
func (e *Error) Error() string {
	text := "canonhub: " + e.Code.String()
	if name := reasonName(e.Reason); name != "" {
		text += " (" + name + ")"
	}
	text += ": " + e.Message
	if e.CorrelationID != "" {
		text += fmt.Sprintf(" [correlation id %s]", e.CorrelationID)
	}
	return text
}

// GRPCStatus is the status as it came, for code that speaks gRPC.
func (e *Error) GRPCStatus() *status.Status { return e.status }

// Is makes errors.Is(err, context.DeadlineExceeded) and context.Canceled hold.
func (e *Error) Is(target error) bool {
	return target == context.DeadlineExceeded && e.Code == codes.DeadlineExceeded || target == context.Canceled && e.Code == codes.Canceled
}

// ReasonOf is the hub's reason for an error; unspecified for nil and for errors that are not the hub's.
func ReasonOf(err error) hubv1.ErrorReason {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return hubv1.ErrorReason_ERROR_REASON_UNSPECIFIED
}

// IsNotFound says that there is no such record, or nothing linked to the external id. A connection that does not exist
// is no such case: its name is mistyped, and waiting for a record to arrive would be in vain.
func IsNotFound(err error) bool {
	switch ReasonOf(err) {
	case hubv1.ErrorReason_ERROR_REASON_RECORD_NOT_FOUND, hubv1.ErrorReason_ERROR_REASON_LINK_NOT_FOUND:
		return true
	}
	return false
}

func translateErrors(ctx context.Context, method string, in, out any, conn *grpc.ClientConn, next grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	err := next(ctx, method, in, out, conn, opts...)
	if err == nil {
		return nil
	}
	return newError(status.Convert(err), correlationID(ctx))
}

func newError(st *status.Status, sentCorrelation string) *Error {
	e := &Error{Code: st.Code(), Message: st.Message(), CorrelationID: sentCorrelation, status: st}
	for _, detail := range st.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			if detail.GetDomain() == "canonhub" {
				e.Reason = hubv1.ErrorReason(hubv1.ErrorReason_value[reasonPrefix+detail.GetReason()])
				e.Metadata = detail.GetMetadata()
			}
		case *errdetails.RequestInfo:
			e.CorrelationID = detail.GetRequestId()
		case *errdetails.RetryInfo:
			e.RetryAfter = detail.GetRetryDelay().AsDuration()
		case *errdetails.PreconditionFailure:
			for _, v := range detail.GetViolations() {
				e.Refused = append(e.Refused, Violation{Field: v.GetSubject(), Description: v.GetDescription()})
			}
		case *errdetails.BadRequest:
			for _, v := range detail.GetFieldViolations() {
				e.Violations = append(e.Violations, Violation{Field: v.GetField(), Description: v.GetDescription()})
			}
		}
	}
	return e
}

const reasonPrefix = "ERROR_REASON_"

func reasonName(reason hubv1.ErrorReason) string {
	if reason == hubv1.ErrorReason_ERROR_REASON_UNSPECIFIED {
		return ""
	}
	return reason.String()[len(reasonPrefix):]
}
