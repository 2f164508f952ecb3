// Package credentials keeps what connections sign in with, and what webhooks are verified by, and brings new versions of it
// to where they are used, in every process and without a restart.
//
// Where the configuration says `${sealed}` the hub keeps the text in its database, sealed for its place and its version, so
// that nobody who can write there makes one secret of another, or an old one the newest. Each process looks every second
// which versions are good: one statement over an index, whose answer is a few rows. Notifications were rejected: they get
// lost where a connection breaks or a pooler is between, and an overlap ends without anybody telling. What comes from a
// file is looked at in the same turn.
//
// A connection whose credentials are others is opened anew, which calls nobody, and takes the place of the one before
// (connection.Renew). One that lacks a credential says so to whoever calls it, which pauses it as refused credentials do.
package credentials

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/canonhub/canonhub/hub/config"
	"github.com/canonhub/canonhub/hub/connection"
	"github.com/canonhub/canonhub/hub/store"
)

const (
	// look is how often a process looks for new versions, and at files.
	look = time.Second
	// expire is how often it forgets those whose time is over.
	expire = time.Minute
)

// Box seals and opens.
type Box interface {
	Seal(purpose string, text []byte) ([]byte, error)
	Open(purpose string, sealed []byte) ([]byte, error)
	Reseal(purpose string, sealed []byte) (anew []byte, needed bool, err error)
}

// purpose is what a version is sealed for.
func purpose(k store.CredentialKey, version int64) string {
	return fmt.Sprintf("credential %s of %s, version %d", k.Name, k.Connection, version)
}

// Options are what credentials are kept with.
type Options struct {
	Store *store.Store
	// Box is nil where the configuration has no keys: then nothing is kept, and files alone are looked at.
	Box         Box
	Connections []config.Connection
	// Renewed is told of a connection whose credentials are others.
	Renewed func(context.Context, *connection.Connection) error
	Log     *slog.Logger
	// Metrics shows which versions are in use; nil for nowhere.
	Metrics prometheus.Registerer
}

// Keeper keeps the credentials of one process's connections.
type Keeper struct {
	o      Options
	inUse  *prometheus.GaugeVec
	sealed []string // names of the connections that have something kept
	wake   chan struct{}

	// mu is held by the one who looks.
	mu      sync.Mutex
	holders map[string]*holder
	stored  map[string][]store.Credential // by connection, as last read
	begun   bool                          // it has looked once
}

// New makes a keeper.
func New(o Options) (*Keeper, error) {
	k := &Keeper{o: o, holders: map[string]*holder{}, wake: make(chan struct{}, 1), inUse: prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "canonhub_credential_version", Help: "Version of each credential that the hub keeps and this process uses; 0 where there is none.",
	}, []string{"connection", "name"})}
	if o.Metrics != nil {
		if err := o.Metrics.Register(k.inUse); err != nil {
			return nil, err
		}
	}
	for _, c := range o.Connections {
		h := newHolder(c)
		k.holders[c.Name] = h
		if h.keeps() {
			k.sealed = append(k.sealed, c.Name)
		}
	}
	return k, nil
}

// Use has opened connections follow what is kept for them.
func (k *Keeper) Use(set connection.Set) {
	for name, c := range set {
		if h := k.holders[name]; h != nil {
			h.open = c
		}
	}
}

// Refresh looks once. What cannot be had now stays as it is, and is looked for again.
func (k *Keeper) Refresh(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	err := k.read(ctx)
	for _, name := range slices.Sorted(maps.Keys(k.holders)) {
		h := k.holders[name]
		if h.open == nil || !h.keeps() && !h.watches() || k.stored == nil && h.keeps() {
			continue
		}
		err = errors.Join(err, k.renew(ctx, h))
	}
	k.begun = true
	return err
}

// read reads which versions are good.
func (k *Keeper) read(ctx context.Context) error {
	if len(k.sealed) == 0 {
		return nil
	}
	found, err := k.o.Store.Credentials(ctx, k.sealed)
	if err != nil {
		return err
	}
	k.stored = map[string][]store.Credential{}
	for _, c := range found {
		k.stored[c.Connection] = append(k.stored[c.Connection], c)
	}
	return nil
}

// renew brings a connection's credentials to where they are used, where they are others than before.
func (k *Keeper) renew(ctx context.Context, h *holder) error {
	now, faults := h.resolve(k.stored[h.c.Name], k.o.Box)
	for _, fault := range faults {
		k.o.Log.Error("a credential cannot be used", "connection", h.c.Name, "reason", fault)
	}
	if !now.same(h.now) {
		k.take(h, now)
	}
	for place, version := range h.inUse() {
		k.inUse.WithLabelValues(h.c.Name, place).Set(float64(version))
	}
	if !h.untold || k.o.Renewed == nil {
		return nil
	}
	if err := k.o.Renewed(ctx, h.open); err != nil {
		return err
	}
	h.untold = false
	return nil
}

// take opens the connection with what it holds now.
func (k *Keeper) take(h *holder, now *held) {
	before := h.open.Fingerprint()
	if err := h.open.Renew(now.Secrets); err != nil {
		if reason := h.refused(now, err); reason != nil {
			k.o.Log.Error("the adapter does not take new credentials", "connection", h.c.Name, "adapter", h.c.Adapter, "reason", reason)
		}
		return
	}
	h.client.Store(&now.client)
	h.missing.Store(&now.missing)
	h.renewals.Add(1)
	if k.begun {
		k.o.Log.Info("credentials renewed", "connection", h.c.Name, "in_use", now.inUse())
	}
	h.untold = h.untold || k.begun && !slices.Equal(before, h.open.Fingerprint())
	h.now = now
}

// Run looks until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	var expired time.Time
	failing := false
	for {
		err := k.Refresh(ctx)
		if now := time.Now(); now.Sub(expired) > expire && err == nil {
			expired, err = now, k.expire(ctx)
		}
		if err != nil && !failing && ctx.Err() == nil {
			k.o.Log.Warn("credentials cannot be looked at, to be tried again", "error", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-k.wake:
		}
	}
}

// awake has Run look at once.
func (k *Keeper) awake() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// expire forgets the versions whose time is over.
func (k *Keeper) expire(ctx context.Context) error {
	if len(k.sealed) == 0 {
		return nil
	}
	return k.o.Store.InTx(ctx, func(tx *store.Tx) error {
		over, err := tx.ExpireCredentials(ctx, k.sealed)
		for _, c := range over {
			tx.PutTrail(store.Trail{Action: store.ActionCredentialRetired, Connection: c.Connection,
				Detail: fmt.Sprintf("%s v%d: its time beside the newer one was over", c.Name, c.Version)})
		}
		return err
	})
}
