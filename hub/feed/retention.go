package feed

import (
	"context"
	"log/slog"
	"time"

	"github.com/canonhub/canonhub/hub/store"
)

// DefaultRetention is how long changes are kept where the configuration does not say.
const DefaultRetention = 30 * 24 * time.Hour

// Retention has old changes leave the feed.
type Retention struct {
	horizon *horizon
	age     time.Duration
}

// NewRetention makes a retention of changes up to an age; 0 means the default.
func NewRetention(db *store.Store, age time.Duration, log *slog.Logger) *Retention {
	if age == 0 {
		age = DefaultRetention
	}
	return &Retention{horizon: newHorizon(db, log), age: age}
}

// Cut has some of those that are older leave, and returns how many. None leaves before it is settled: a change that is
// committed late would be behind the feed's beginning, and nobody would ever be told of it.
func (r *Retention) Cut(ctx context.Context, limit int) (int, error) {
	if err := r.horizon.look(ctx); err != nil {
		return 0, err
	}
	if !r.horizon.known {
		return 0, nil // the next time
	}
	return r.horizon.store.CutChanges(ctx, r.age, r.horizon.settled, limit)
}
