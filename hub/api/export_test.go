package api

import (
	"context"

	"google.golang.org/grpc/status"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// ParseFilter is the filter parser, for its tests.
func ParseFilter(kind model.Kind, text string) ([]store.Condition, error) {
	return parseFilter(model.For(kind), text)
}

// StatusOf is what a caller is told of an error.
func StatusOf(ctx context.Context, err error) *status.Status { return statusOf(ctx, err) }

// Failure is an error with a reason.
func Failure(reason hubv1.ErrorReason) error { return &failure{reason: reason} }
