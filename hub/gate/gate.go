// Package gate answers for a connection as a whole: whether it may be called now, and what follows when its vendor
// throttles or refuses the credentials. All processes share the answer through the store.
package gate

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/hub/jobs"
	"github.com/canonhub/canonhub/hub/limits"
	"github.com/canonhub/canonhub/hub/store"
)

const (
	// pausedWait is how often work that found its connection paused looks again; the queue itself is paused, too.
	pausedWait = 15 * time.Second
	// defaultWait is how long a vendor that throttles without saying for how long is left alone.
	defaultWait = 2 * time.Second
)

// Queue pauses and resumes the work that goes out to a connection, and takes up deliveries.
type Queue interface {
	Deliver(context.Context, jobs.Tx, []jobs.DeliverArgs) error
	Pause(context.Context, *store.Tx, string) error
	Resume(context.Context, *store.Tx, string) error
}

// Gate is shared by all that calls vendors.
type Gate struct {
	Store *store.Store
	Queue Queue
	// Limits keep the calls to what vendors allow; nil for no limits.
	Limits *limits.Limits
	Now    func() time.Time
	Log    *slog.Logger
	// Braked shows the brakes that are on; nil for nowhere.
	Braked *prometheus.GaugeVec
}

var zeroTime time.Time

// Enter returns nil where the connection may be called, or the wish to wait.
func (g *Gate) Enter(ctx context.Context, connection string) error {
	c, err := g.Store.Connection(ctx, connection)
	switch {
	case err != nil:
		return err
	case c.Paused():
		return jobs.Snooze(pausedWait)
	case c.Wait > 0:
		// What waits for the same thing does not all come back at once.
		return g.later(c, c.Wait)
	case g.Limits == nil:
		return nil
	}
	wait, err := g.Limits.Admit(ctx, c)
	if err != nil || wait <= 0 {
		return err
	}
	return g.later(c, wait)
}

// later is the wish to wait for about as long.
func (g *Gate) later(c store.Connection, wait time.Duration) error {
	wait += rand.N(wait/2 + 50*time.Millisecond)
	if c.Outages > 0 {
		return jobs.Outlast(wait)
	}
	return jobs.Snooze(wait)
}

// Respond does what a fault means for the whole connection. It returns the wish to wait where the work is to wait with
// it, and nil where the fault concerns this piece of work alone.
func (g *Gate) Respond(ctx context.Context, connection string, f *fault.Error) error {
	var unsent *limits.Refused
	if errors.As(f, &unsent) {
		return jobs.Snooze(unsent.Wait)
	}
	switch f.Category {
	case fault.Transient:
		// It asks for time, as a 503 may: the whole connection gives it, and the try counts.
		if wait := min(f.RetryAfter, jobs.MaxBackoff); wait > 0 {
			if err := g.Store.Slow(ctx, connection, wait); err != nil {
				return err
			}
			g.Log.Warn("connection slowed: its vendor fails, and asks for time", "connection", connection, "wait", wait)
		}
		// While a vendor is away its failures say nothing of the work, and use up no attempt. Work for which a failure now
		// is final does not wait.
		if g.Limits != nil && g.Limits.Broken(connection) {
			return jobs.Outlast(g.Limits.Outage)
		}
	case fault.Throttle:
		wait := f.RetryAfter
		if wait <= 0 {
			wait = defaultWait
		}
		if f.Narrow {
			g.Log.Warn("work waits: its vendor gives no more of such calls just now", "connection", connection, "wait", wait, "op", f.Op)
			return jobs.Snooze(wait)
		}
		if err := g.Store.Slow(ctx, connection, wait); err != nil {
			return err
		}
		g.Log.Warn("connection slowed", "connection", connection, "wait", wait)
		return jobs.Snooze(wait)
	case fault.Auth:
		if err := g.pause(ctx, connection, f.Error()); err != nil {
			return err
		}
		return jobs.Snooze(pausedWait)
	}
	return nil
}

func (g *Gate) pause(ctx context.Context, connection, reason string) error {
	c, err := g.Store.Connection(ctx, connection)
	if err != nil || c.Paused() {
		return err
	}
	g.Log.Error("connection paused: its credentials were refused; it goes on when they work, or others are there",
		"connection", connection, "reason", reason)
	return g.Store.InTx(ctx, func(tx *store.Tx) error {
		return g.stop(ctx, tx, connection, Order{Why: reason})
	})
}

// Order is who wants something of a connection, and why. The hub itself is nobody.
type Order struct {
	By, Why string
}

// Pause stops all calls to a connection until somebody resumes it.
func (g *Gate) Pause(ctx context.Context, connection string, o Order) error {
	g.Log.Warn("connection paused", "connection", connection, "by", o.By, "reason", o.Why)
	return g.Store.InTx(ctx, func(tx *store.Tx) error { return g.stop(ctx, tx, connection, o) })
}

func (g *Gate) stop(ctx context.Context, tx *store.Tx, connection string, o Order) error {
	tx.Pause(connection, o.Why, o.By)
	tx.PutTrail(store.Trail{Action: store.ActionPaused, Connection: connection, Actor: o.By, Detail: o.Why})
	return g.Queue.Pause(ctx, tx, connection)
}

// Resume takes a connection's work up again. The hub itself resumes nothing that a person paused.
func (g *Gate) Resume(ctx context.Context, connection string, o Order) error {
	resumed := false
	err := g.Store.InTx(ctx, func(tx *store.Tx) (err error) {
		if resumed, err = tx.Resume(ctx, connection, o.By); err != nil || !resumed {
			return err
		}
		tx.PutTrail(store.Trail{Action: store.ActionResumed, Connection: connection, Actor: o.By, Detail: o.Why})
		return g.Queue.Resume(ctx, tx, connection)
	})
	if err == nil && resumed {
		g.Log.Info("connection resumed", "connection", connection, "by", o.By)
	}
	return err
}
