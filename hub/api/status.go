package api

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
)

// domain is the ErrorInfo domain of our reasons.
const domain = "canonhub"

// retryDelay is what callers are told to wait where the database is away, or they have too many calls running.
const retryDelay = time.Second

// failure is an error that callers can do something about.
type failure struct {
	reason   hubv1.ErrorReason
	message  string
	metadata map[string]string
	// field is the one at fault, where it is one; violations are for several.
	field      string
	violations []*errdetails.BadRequest_FieldViolation
	// preconditions are what stands in the way.
	preconditions []*errdetails.PreconditionFailure_Violation
}

// Error is for people.
func (f *failure) Error() string { return f.message }

// codeOf is the one table of which reason goes with which code.
var codeOf = map[hubv1.ErrorReason]codes.Code{
	hubv1.ErrorReason_ERROR_REASON_RECORD_NOT_FOUND:      codes.NotFound,
	hubv1.ErrorReason_ERROR_REASON_LINK_NOT_FOUND:        codes.NotFound,
	hubv1.ErrorReason_ERROR_REASON_CONNECTION_NOT_FOUND:  codes.NotFound,
	hubv1.ErrorReason_ERROR_REASON_INVALID_REQUEST:       codes.InvalidArgument,
	hubv1.ErrorReason_ERROR_REASON_INVALID_PAGE_TOKEN:    codes.InvalidArgument,
	hubv1.ErrorReason_ERROR_REASON_INVALID_FILTER:        codes.InvalidArgument,
	hubv1.ErrorReason_ERROR_REASON_STORE_UNAVAILABLE:     codes.Unavailable,
	hubv1.ErrorReason_ERROR_REASON_INTERNAL:              codes.Internal,
	hubv1.ErrorReason_ERROR_REASON_UNAUTHENTICATED:       codes.Unauthenticated,
	hubv1.ErrorReason_ERROR_REASON_NOT_ALLOWED:           codes.PermissionDenied,
	hubv1.ErrorReason_ERROR_REASON_REVIEW_NOT_FOUND:      codes.NotFound,
	hubv1.ErrorReason_ERROR_REASON_REVIEW_CLOSED:         codes.FailedPrecondition,
	hubv1.ErrorReason_ERROR_REASON_INVALID_CHOICE:        codes.InvalidArgument,
	hubv1.ErrorReason_ERROR_REASON_POLICY_NOT_FOUND:      codes.NotFound,
	hubv1.ErrorReason_ERROR_REASON_PLAN_OUTDATED:         codes.FailedPrecondition,
	hubv1.ErrorReason_ERROR_REASON_WRITE_REFUSED:         codes.FailedPrecondition,
	hubv1.ErrorReason_ERROR_REASON_RECORD_EXISTS:         codes.AlreadyExists,
	hubv1.ErrorReason_ERROR_REASON_ETAG_MISMATCH:         codes.Aborted,
	hubv1.ErrorReason_ERROR_REASON_REQUEST_ID_REUSED:     codes.InvalidArgument,
	hubv1.ErrorReason_ERROR_REASON_NO_CALLER:             codes.FailedPrecondition,
	hubv1.ErrorReason_ERROR_REASON_TOO_MANY_CALLS:        codes.ResourceExhausted,
	hubv1.ErrorReason_ERROR_REASON_IDENTITY_REFUSED:      codes.FailedPrecondition,
	hubv1.ErrorReason_ERROR_REASON_DEAD_LETTER_NOT_FOUND: codes.NotFound,
	hubv1.ErrorReason_ERROR_REASON_DEAD_LETTER_CLOSED:    codes.FailedPrecondition,
	hubv1.ErrorReason_ERROR_REASON_NO_OAUTH:              codes.FailedPrecondition,
	hubv1.ErrorReason_ERROR_REASON_DEADLINE:              codes.DeadlineExceeded, // or Canceled, where the caller hung up
	hubv1.ErrorReason_ERROR_REASON_TOKEN_OUT_OF_RANGE:    codes.OutOfRange,
	hubv1.ErrorReason_ERROR_REASON_INVALID_RESUME_TOKEN:  codes.InvalidArgument,
	hubv1.ErrorReason_ERROR_REASON_TOO_MANY_STREAMS:      codes.ResourceExhausted,
	hubv1.ErrorReason_ERROR_REASON_SHUTTING_DOWN:         codes.Unavailable,
	hubv1.ErrorReason_ERROR_REASON_REVISION_NOT_FOUND:    codes.NotFound,
	hubv1.ErrorReason_ERROR_REASON_REVISION_GONE:         codes.OutOfRange,
	hubv1.ErrorReason_ERROR_REASON_CREDENTIAL_NOT_FOUND:  codes.NotFound,
	hubv1.ErrorReason_ERROR_REASON_CREDENTIAL_REFUSED:    codes.FailedPrecondition,
}

// statusOf turns a Go error into what the caller is told. What is not the caller's doing is told without its details:
// the log has them, under the correlation id.
func statusOf(ctx context.Context, err error) *status.Status {
	var (
		f     *failure
		ready interface{ GRPCStatus() *status.Status }
	)
	correlation := correlationOf(ctx)
	switch {
	case errors.As(err, &f) && codeOf[f.reason] != codes.OK:
		return f.status(codeOf[f.reason], correlation)
	case errors.As(err, &ready):
		return ready.GRPCStatus() // of the health and reflection services
	case errors.Is(ctx.Err(), context.Canceled):
		return deadline("the call was cancelled").status(codes.Canceled, correlation)
	case ctx.Err() != nil:
		return deadline("the call's time ran out").status(codes.DeadlineExceeded, correlation)
	case unreachable(err):
		return storeUnavailable.status(codes.Unavailable, correlation)
	}
	return internal.status(codes.Internal, correlation)
}

func deadline(message string) *failure {
	return &failure{reason: hubv1.ErrorReason_ERROR_REASON_DEADLINE, message: message}
}

var (
	storeUnavailable = &failure{reason: hubv1.ErrorReason_ERROR_REASON_STORE_UNAVAILABLE, message: "the database cannot be reached; try again"}
	internal         = &failure{reason: hubv1.ErrorReason_ERROR_REASON_INTERNAL, message: "a fault of the hub; its log has it under the correlation id"}
)

// status is the failure with its details: ErrorInfo and RequestInfo always, BadRequest, PreconditionFailure and
// RetryInfo where they apply.
func (f *failure) status(code codes.Code, correlation string) *status.Status {
	details := []protoadapt.MessageV1{
		&errdetails.ErrorInfo{Reason: reasonText(f.reason), Domain: domain, Metadata: f.metadata},
		&errdetails.RequestInfo{RequestId: correlation},
	}
	violations := f.violations
	if f.field != "" {
		violations = []*errdetails.BadRequest_FieldViolation{{Field: f.field, Description: f.message}}
	}
	if len(violations) > 0 {
		details = append(details, &errdetails.BadRequest{FieldViolations: violations})
	}
	if len(f.preconditions) > 0 {
		details = append(details, &errdetails.PreconditionFailure{Violations: f.preconditions})
	}
	if code == codes.Unavailable || code == codes.ResourceExhausted {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(retryDelay)})
	}
	st, err := status.New(code, f.message).WithDetails(details...)
	if err != nil {
		return status.New(code, f.message)
	}
	return st
}

func reasonText(reason hubv1.ErrorReason) string {
	return strings.TrimPrefix(reason.String(), "ERROR_REASON_")
}

// unreachable says that the database could not be asked, so that asking again may help.
func unreachable(err error) bool {
	var (
		connect *pgconn.ConnectError
		network net.Error
		pg      *pgconn.PgError
	)
	switch {
	case errors.As(err, &pg): // it answered: that it is going down, coming up, or full
		return strings.HasPrefix(pg.Code, "08") || strings.HasPrefix(pg.Code, "57P0") || pg.Code == "53300"
	case errors.As(err, &connect), errors.As(err, &network):
		return true
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return true
	}
	return pgconn.SafeToRetry(err) // the connection was gone before anything was sent
}
