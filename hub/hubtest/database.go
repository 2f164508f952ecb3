package hubtest

import (
	"testing"

	"github.com/canonhub/canonhub/hub/postgres/pgtest"
	"github.com/canonhub/canonhub/hub/store"
)

// Database makes a migrated database for one test and returns its URL.
func Database(t testing.TB) string {
	t.Helper()
	return pgtest.New(t, pgtest.Key("hub", store.Migrations()), store.Migrate)
}
