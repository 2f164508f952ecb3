package api

import (
	"context"
	"time"

	"google.golang.org/grpc/status"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
)

// ParseFilter is the filter parser, for its fuzz test.
func ParseFilter(text string) (from, until time.Time, err error) {
	w, err := parseFilter(text)
	return w.from, w.until, err
}

// StatusOf is what a caller is told of an error.
func StatusOf(ctx context.Context, err error) *status.Status { return statusOf(ctx, err) }

// Failure is an error with a reason.
func Failure(reason hubv1.ErrorReason) error { return &failure{reason: reason} }
