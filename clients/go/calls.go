package canonhub

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

const (
	defaultTimeout    = 10 * time.Second
	correlationHeader = "x-correlation-id"
)

// defaultDeadline gives calls a deadline that have none.
func defaultDeadline(timeout time.Duration) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, in, out any, conn *grpc.ClientConn, next grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		if _, has := ctx.Deadline(); !has {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, timeout)
			defer cancel()
		}
		return next(ctx, method, in, out, conn, opts...)
	}
}

type correlationKey struct{}

// WithCorrelationID passes a correlation id on to the hub, with every call under this context: its log, its rows and
// what it sends to vendors carry it. The hub makes one for calls without.
func WithCorrelationID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, correlationKey{}, id)
}

func correlationID(ctx context.Context) string {
	id, _ := ctx.Value(correlationKey{}).(string)
	return id
}

func sendCorrelationID(ctx context.Context, method string, in, out any, conn *grpc.ClientConn, next grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if id := correlationID(ctx); id != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, correlationHeader, id)
	}
	return next(ctx, method, in, out, conn, opts...)
}

// apiKey sends a caller's key as a bearer token.
type apiKey struct {
	key   string
	local bool
}

// GetRequestMetadata is the header that carries the key.
func (k apiKey) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + k.key}, nil
}

// RequireTransportSecurity says that only this machine may see the key in the clear.
func (k apiKey) RequireTransportSecurity() bool { return !k.local }

// Format keeps the key from being printed.
func (k apiKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("apiKey(set)")) }

// serviceConfig spreads calls over all of a name's addresses, and makes those again that the hub was not there for and
// that have no side effects, as their proto says, or count once by their request id. A fleet whose calls fail stops trying again (throttling).
func serviceConfig() (string, error) {
	config := map[string]any{
		"loadBalancingConfig": []any{map[string]any{"round_robin": map[string]any{}}},
		"retryThrottling":     map[string]any{"maxTokens": 10, "tokenRatio": 0.1},
		"methodConfig": []any{map[string]any{
			"name": safeMethods(),
			"retryPolicy": map[string]any{
				"maxAttempts": 4, "initialBackoff": "0.1s", "maxBackoff": "2s", "backoffMultiplier": 2,
				"retryableStatusCodes": []string{"UNAVAILABLE"},
			},
		}},
	}
	text, err := json.Marshal(config)
	return string(text), err
}

func safeMethods() []map[string]string {
	var safe []map[string]string
	protoregistry.GlobalFiles.RangeFilesByPackage("canonhub.hub.v1", func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			methods := file.Services().Get(i).Methods()
			for j := range methods.Len() {
				options, _ := methods.Get(j).Options().(*descriptorpb.MethodOptions)
				if options.GetIdempotencyLevel() == descriptorpb.MethodOptions_NO_SIDE_EFFECTS || countsOnce(methods.Get(j)) {
					safe = append(safe, map[string]string{"service": string(methods.Get(j).Parent().FullName()), "method": string(methods.Get(j).Name())})
				}
			}
		}
		return true
	})
	return safe
}

// countsOnce says that a method's requests carry a request id, which this package never leaves empty.
func countsOnce(method protoreflect.MethodDescriptor) bool {
	fields := method.Input().Fields()
	if batch := fields.ByName("requests"); batch != nil && batch.Message() != nil {
		fields = batch.Message().Fields()
	}
	return fields.ByName("request_id") != nil
}
