package pull

import (
	"context"
	"errors"
	"time"

	"github.com/canonhub/canonhub/hub/store"
)

const (
	// usual is how many webhooks back the usual time between two is told from.
	usual = 50
	// unusual is how many times longer a silence is than usual before changes are pulled out of turn.
	unusual = 20
	// shortestSilence and longestSilence bound a silence that is learned.
	shortestSilence = 10 * time.Minute
	longestSilence  = 24 * time.Hour
)

// Due lists what is to be pulled now, by all processes together, after wishing for the changes of connections that have
// been silent for longer than usual.
func (p *Puller) Due(ctx context.Context) ([]store.Lane, error) {
	silences := p.silences(ctx)
	due, err := p.Store.DuePulls(ctx)
	return due, errors.Join(silences, err)
}

// Wish asks for a run, which begins once the one under way has ended.
func (p *Puller) Wish(ctx context.Context, lane store.Lane, w store.PullWish) error {
	return p.Store.InTx(ctx, func(tx *store.Tx) error { tx.WishPull(lane, w); return nil })
}

// silences wishes for the changes of what is pulled seldom and has not been heard for long.
func (p *Puller) silences(ctx context.Context) error {
	states, err := p.Store.Pulls(ctx)
	for _, state := range states {
		c := p.Connections[state.Connection]
		if c == nil || c.Adapter.Webhook == nil || state.Run.Mode != "" || state.Wanted.Mode != "" || state.BackfilledAt.IsZero() {
			continue
		}
		how, pulled := c.Pulls[state.Kind]
		if !pulled || how.Every <= shortestSilence && how.Silence == 0 {
			continue // it is pulled soon anyway
		}
		if silent, e := p.silent(ctx, state, how.Silence); e != nil || !silent {
			err = errors.Join(err, e)
			continue
		}
		p.Log.Warn("no webhook for longer than usual: changes are pulled", "connection", state.Connection, "kind", state.Kind)
		err = errors.Join(err, p.Wish(ctx, state.Lane, store.PullWish{Mode: store.Changes, Why: "no webhook for longer than usual"}))
	}
	return err
}

// silent says that a connection has been silent for too long, since it was last heard or pulled.
func (p *Puller) silent(ctx context.Context, state *store.Pull, limit time.Duration) (bool, error) {
	newest, older, err := p.Store.LastReceived(ctx, state.Connection, usual)
	if err != nil {
		return false, err
	}
	if limit == 0 {
		if older.IsZero() {
			return false, nil // too little was heard to tell
		}
		limit = min(max(newest.Sub(older)/usual*unusual, shortestSilence), longestSilence)
	}
	heard := newest
	if state.PulledAt.After(heard) {
		heard = state.PulledAt
	}
	return p.Now().Sub(heard) > limit, nil
}
