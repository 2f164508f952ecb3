package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	"buf.build/go/protovalidate"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
)

// layer is one skin around every call, unary or streaming. From the outside in:
//
//	correlate     first, so that all others, and the answer whatever it is, have the correlation id
//	metrics       outside of what makes statuses: it counts what the caller sees
//	statuses      turns errors into statuses and logs them: below it errors are Go's, above it gRPC's
//	recoverPanic  inside of statuses, so that a panic is answered and logged as any other fault
//	authenticate  inside of those, since its refusals are errors as any other; before it, nothing of a request was read
//	timed         calls alone, not streams: what is below ends with the call's time
//	fairly        calls alone: it knows the caller
//	validate      innermost (it needs the request): no method sees a request that breaks its rules
type layer func(ctx context.Context, method string, next func(context.Context) error) error

func unary(layers []layer) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, in any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (out any, err error) {
		err = run(ctx, layers, info.FullMethod, func(ctx context.Context) error {
			var err error
			out, err = handle(ctx, in)
			return err
		})
		if err != nil {
			return nil, err
		}
		return out, nil
	}
}

func stream(layers []layer) grpc.StreamServerInterceptor {
	return func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
		return run(ss.Context(), layers, info.FullMethod, func(ctx context.Context) error {
			return handle(srv, streamIn{ServerStream: ss, ctx: ctx})
		})
	}
}

// streamIn is a stream with the context that the layers made.
type streamIn struct {
	grpc.ServerStream
	ctx context.Context
}

// Context is the layers' context.
func (s streamIn) Context() context.Context { return s.ctx }

func run(ctx context.Context, layers []layer, method string, call func(context.Context) error) error {
	if len(layers) == 0 {
		return call(ctx)
	}
	return layers[0](ctx, method, func(ctx context.Context) error { return run(ctx, layers[1:], method, call) })
}

// recoverPanic turns a panic into an error.
func recoverPanic(ctx context.Context, _ string, next func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return next(ctx)
}

// statuses turns Go errors into gRPC statuses, and logs them.
type statuses struct{ log *slog.Logger }

func newStatuses(log *slog.Logger) *statuses { return &statuses{log: log} }

func (s *statuses) translate(ctx context.Context, method string, next func(context.Context) error) error {
	err := next(ctx)
	if err == nil {
		return nil
	}
	st := statusOf(ctx, err)
	s.log.Log(ctx, levelOf(st.Code()), "call failed", "method", method, "code", st.Code().String(), "reason", reasonOf(st),
		"correlation_id", correlationOf(ctx), "error", err.Error())
	return st.Err()
}

func levelOf(code codes.Code) slog.Level {
	switch code {
	case codes.Internal, codes.Unknown, codes.DataLoss:
		return slog.LevelError
	case codes.Unavailable:
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

func reasonOf(st *status.Status) string {
	for _, detail := range st.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return ""
}

// maxViolations bounds what a refused request is told: statuses travel in headers.
const maxViolations = 20

// validate refuses requests that break the rules in their proto.
func validate(validator protovalidate.Validator) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, in any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
		if err := valid(validator, in); err != nil {
			return nil, err
		}
		return handle(ctx, in)
	}
}

func validateStream(validator protovalidate.Validator) grpc.StreamServerInterceptor {
	return func(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
		return handle(srv, validatedStream{ServerStream: ss, validator: validator})
	}
}

// validatedStream refuses each message of a stream that breaks its rules, as it is read.
type validatedStream struct {
	grpc.ServerStream
	validator protovalidate.Validator
}

// RecvMsg reads a message.
func (s validatedStream) RecvMsg(in any) error {
	if err := s.ServerStream.RecvMsg(in); err != nil {
		return err
	}
	return valid(s.validator, in)
}

func valid(validator protovalidate.Validator, in any) error {
	if m, ok := in.(proto.Message); ok {
		if err := validator.Validate(m); err != nil {
			return invalid(err)
		}
	}
	return nil
}

func invalid(err error) error {
	var broken *protovalidate.ValidationError
	if !errors.As(err, &broken) {
		return fmt.Errorf("validate: %w", err) // the rules themselves do not work
	}
	f := &failure{reason: hubv1.ErrorReason_ERROR_REASON_INVALID_REQUEST, message: "the request breaks the rules of its fields"}
	for i, v := range broken.Violations {
		if i == maxViolations {
			break
		}
		f.violations = append(f.violations, &errdetails.BadRequest_FieldViolation{
			Field: protovalidate.FieldPathString(v.Proto.GetField()), Reason: v.Proto.GetRuleId(), Description: v.Proto.GetMessage(),
		})
	}
	if len(f.violations) > 0 {
		f.message = f.violations[0].GetField() + ": " + f.violations[0].GetDescription()
	}
	return f
}
