package hubtest

import (
	"context"
	"testing"

	"github.com/canonhub/canonhub/hub/store"
)

// Database makes a migrated database for one test and returns its URL.
func Database(t testing.TB) string {
	t.Helper()
	return devDatabase(t, func(ctx context.Context, url string) error { return store.Migrate(ctx, url) })
}
