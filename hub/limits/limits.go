// Package limits keeps all processes on one database together within what a connection's vendor allows: calls a second,
// at a time and a day, slower after the vendor throttled or was away, and none while its circuit breaker is open.
//
// What is allowed is shared evenly by the processes that call a connection just now; each keeps its share by itself, so
// that a call costs no statement. Work asks before it begins (Admit) and waits in the queue, not in a worker; calls then
// wait for their turn, live ones before those of pulls.
package limits

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/hub/store"
)

// Store is what all processes share.
type Store interface {
	Share(ctx context.Context, connection, process string, lasts time.Duration) (store.Share, error)
	CountCalls(ctx context.Context, connection string, calls int64) (today int64, err error)
	Break(ctx context.Context, connection string, first, most time.Duration) error
	Mend(ctx context.Context, connection string) (mended bool, err error)
}

// Options set the limits up.
type Options struct {
	Store Store
	// Process is this process' id, under which the store has it marked as living.
	Process string
	Log     *slog.Logger
	// Metrics may be nil.
	Metrics *Metrics
	// Outage is how long a connection is left alone when its breaker opens, doubling each time in a row up to MaxOutage; 0
	// means a second, and a minute.
	Outage, MaxOutage time.Duration
}

// Limits are those of all connections.
type Limits struct {
	Options
	keepers map[string]*keeper
}

// New makes limits of no connection.
func New(o Options) *Limits {
	if o.Outage == 0 {
		o.Outage = time.Second
	}
	if o.MaxOutage == 0 {
		o.MaxOutage = time.Minute
	}
	return &Limits{Options: o, keepers: map[string]*keeper{}}
}

// Keep makes a connection's calls keep to what all processes together are allowed, and returns its HTTP client and what
// hears of its vendor's own limits. It is called for each connection before anything else is.
func (l *Limits) Keep(connection string, allowed adapters.Limits, client *http.Client) (*http.Client, func(adapters.Hint)) {
	k := newKeeper(l, connection, allowed, client.Transport)
	l.keepers[connection] = k
	copied := *client
	copied.Transport = k
	return &copied, k.hear
}

// Beside makes calls to another place of a connection's vendor, where it gives tokens, part of the same outages: work that
// gets no token waits as it does for a vendor that fails, and whoever gives tokens is left alone meanwhile. They use up
// nothing of what the connection is allowed. It is called after Keep.
func (l *Limits) Beside(connection string, client *http.Client) *http.Client {
	copied := *client
	copied.Transport = &beside{keeper: l.keepers[connection], next: cmp.Or(client.Transport, http.DefaultTransport)}
	return &copied
}

// Admit tells how long work at a connection is to wait before it begins; 0 where it may begin. The context says whose
// work it is: AsPull.
func (l *Limits) Admit(ctx context.Context, c store.Connection) (wait time.Duration, err error) {
	k := l.keepers[c.Name]
	if k == nil {
		return 0, nil
	}
	if wait, err = k.beat(ctx, c); err != nil || wait > 0 {
		return wait, err
	}
	wait = k.admit(pullOf(ctx), ctx.Value(underwayKey{}) != nil)
	if wait > 0 && l.Metrics != nil {
		l.Metrics.deferred.WithLabelValues(c.Name).Inc()
	}
	return wait, nil
}

// Broken says that a connection's breaker is not closed: what fails there now says nothing of the work.
func (l *Limits) Broken(connection string) bool {
	k := l.keepers[connection]
	return k != nil && k.broken()
}

type pullKey struct{}

// pullClass is a pull's part in a connection's rate.
type pullClass struct {
	kind  string
	share float64
}

// AsPull marks a context's work as a pull's: it may use a share of the connection's rate, and goes behind live work.
func AsPull(ctx context.Context, kind string, share float64) context.Context {
	return context.WithValue(ctx, pullKey{}, &pullClass{kind: kind, share: share})
}

type pageKey struct{}

// AsPage marks a context's calls as those that read one page of a pull: the first of them is the page, of which a vendor
// may allow fewer than of other calls.
func AsPage(ctx context.Context) context.Context {
	return context.WithValue(ctx, pageKey{}, new(atomic.Bool))
}

type underwayKey struct{}

// Underway marks a context's work as begun: its calls wait for their turn where they are. Work of many calls that went
// back into the queue between two of them would begin anew each time, and never come to its end at a slow pace.
func Underway(ctx context.Context) context.Context {
	return context.WithValue(ctx, underwayKey{}, true)
}

// pullOf is nil for live work.
func pullOf(ctx context.Context) *pullClass {
	p, _ := ctx.Value(pullKey{}).(*pullClass)
	return p
}

// Refused is the error of a call that was not sent, since it was not its connection's time.
type Refused struct {
	// Wait is how long the work is to wait.
	Wait time.Duration
	Why  string
}

// Error says why.
func (r *Refused) Error() string { return r.Why }

// NotSent marks the error for those who judge whether work may have been done.
func (r *Refused) NotSent() bool { return true }

// Waiting is how many calls to a connection wait for another to end.
func (l *Limits) Waiting(connection string) int {
	if k := l.keepers[connection]; k != nil {
		return k.slots.waiting()
	}
	return 0
}
