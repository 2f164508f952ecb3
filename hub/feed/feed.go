// Package feed hands the change log to those who follow it: each change at least once, those of one record in the order
// of its revisions, none skipped, though transactions commit in no order.
//
// # The order
//
// A change's place is its serial in the log. A transaction draws it when it writes the change, and by then it has the
// record's lock, which it keeps until it has committed; the next change of that record is written under the same lock. So
// a record's serials grow with its revisions. What a serial does not tell is whether a lower one is still to be committed
// by a slower transaction: who reads up to the newest serial that is there skips those.
//
// So a reader goes up to the horizon alone: a place up to which all is settled, committed or rolled back. It is found
// (horizon.go) by first reading E, the greatest serial drawn so far, and then W, the running transactions that hold the
// log's table for writing. A transaction takes that hold before it draws a serial, and loses it after what it wrote can
// be read. Hence a serial up to E is of a transaction that had the hold when E was read: it is in W, or it had ended by the
// time W was read. Once all of W have ended, E is the horizon. Nothing but such transactions delays a change: by as long
// as they take.
//
// Between two horizons changes are read in the order of serials. Each place is passed once, in order, and when it is
// passed all that will ever be there can be read. That is why none is skipped, and why a record's revisions come in order
// over any number of reconnections: a token is a place.
//
// Rejected:
//   - (transaction id, serial) as the place, read up to pg_snapshot_xmin. Ids are drawn before locks are waited for: B draws
//     100, C 101, A 102; A changes the record and commits, then B changes it and commits, while C goes on. The horizon is
//     101: B's revision is told, and A's, which is the older one, after it. Besides, any transaction of the whole
//     PostgreSQL cluster, a load into another database even, holds that horizon back; and ids begin anew when a dump is
//     restored, which serials do not.
//   - A writer that numbers committed changes: every change is written twice, and one process leads.
//   - NOTIFY: committing transactions that notify stand in one queue for the whole cluster. While somebody follows, one
//     goroutine of a process looks for the horizon, for all of its followers, a few times a second: two cheap statements.
//
// # Snapshots
//
// The log keeps each record as it was at each revision, and never forgets a record's newest change before the cut
// (store.CutChanges). So all records as of any place that is not cut can be read page by page, each page by a statement
// of its own: no transaction stays open, none of it is in memory, and a snapshot that was broken off goes on, as of the same
// place. The feed goes on from that place. A place may fall between two changes of one transaction: snapshots and feeds
// are consistent by record, and promise nothing about transactions over several.
package feed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

const (
	// lookEvery is the time between two looks for the horizon, while somebody follows.
	lookEvery = 50 * time.Millisecond
	// pageChanges and pageBytes bound what one follower has in memory: so many changes, and their messages but for the last.
	pageChanges = 500
	pageBytes   = 1 << 20
	// reading bounds the followers of a process that read at one time, so that they leave database connections for others.
	reading = 4
	// DefaultHeartbeat is how long nothing is said where a follower asks for no other time.
	DefaultHeartbeat = 15 * time.Second
)

// Errors of followers.
var (
	// ErrToken: the token is none of this feed's.
	ErrToken = errors.New("the resume token is none of this feed's")
	// ErrRange: the feed does not reach to the token.
	ErrRange = errors.New("the feed does not reach to the resume token")
)

// Query says what to tell.
type Query struct {
	// Kinds are those wanted; at least one.
	Kinds []model.Kind
	// Paths are attributes and groups; none means all. What ends a record's life is told whatever they are.
	Paths []string
	// Sources are those that caused the changes; none means all.
	Sources []string
	// Token is where to go on; empty for from now on.
	Token string
	// Snapshot asks for all records first.
	Snapshot bool
	// Heartbeat is how long nothing may be said; 0 means the default.
	Heartbeat time.Duration
}

// wants says whether a change, of a kind and source that are wanted, is.
func (q *Query) wants(c *store.Change) bool {
	r := c.Record
	ends := !r.DeletedAt.IsZero() || r.MergedInto != "" || r.Message == nil
	return len(q.Paths) == 0 || len(c.Paths) == 0 || ends || slices.ContainsFunc(c.Paths, q.covers)
}

// covers says whether one of the paths names an attribute or a group that it is in.
func (q *Query) covers(path string) bool {
	return slices.ContainsFunc(q.Paths, func(asked string) bool {
		asked = strings.TrimSuffix(asked, ".*")
		return path == asked || strings.HasPrefix(path, asked+".")
	})
}

// Told is what an event tells.
type Told int

// What events tell.
const (
	// Beat: nothing but that the feed lives.
	Beat Told = iota
	// Changed: a record was changed.
	Changed
	// Snapshotted: a record as it is in the snapshot.
	Snapshotted
	// SnapshotEnded: the snapshot is complete.
	SnapshotEnded
)

// Event is one thing that is told.
type Event struct {
	Told Told
	// Change is the one told, or the newest of a record in the snapshot.
	Change *store.Change
	// Records counts those of the snapshot, at its end.
	Records int64
	// Token is where to go on after it.
	Token string
}

// Feed is one process's side of the change log. It is safe for concurrent use.
type Feed struct {
	store *store.Store
	log   *slog.Logger
	turn  chan struct{}

	mu        sync.Mutex
	followers int
	stop      context.CancelFunc
	horizon   *horizon
}

// New makes a feed. It asks the database nothing while nobody follows.
func New(db *store.Store, log *slog.Logger) *Feed {
	return &Feed{store: db, log: log, turn: make(chan struct{}, reading)}
}

// Follow tells what a query asks for, one event at a time, until ctx ends or tell fails; it returns their error. While
// tell is at work nothing is read, no connection is held, and no more than a page is in memory.
func (f *Feed) Follow(ctx context.Context, q Query, tell func(Event) error) error {
	log, err := f.store.ChangeLog(ctx)
	if err != nil {
		return err
	}
	at, err := decodeToken(q.Token, log)
	if err != nil {
		return err
	}
	h, leave := f.join()
	defer leave()
	w := &follower{feed: f, Query: q, log: log, horizon: h, told: tell, place: at}
	if w.Heartbeat == 0 {
		w.Heartbeat = DefaultHeartbeat
	}
	return w.run(ctx)
}

// join has the horizon looked for as long as somebody follows.
func (f *Feed) join() (h *horizon, leave func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.followers == 0 {
		ctx, stop := context.WithCancel(context.Background())
		f.horizon, f.stop = newHorizon(f.store, f.log), stop
		go f.horizon.run(ctx)
	}
	f.followers++
	return f.horizon, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.followers--; f.followers == 0 {
			f.stop()
		}
	}
}

// inTurn reads when few others do.
func (f *Feed) inTurn(ctx context.Context, read func() error) error {
	select {
	case f.turn <- struct{}{}:
		defer func() { <-f.turn }()
		return read()
	case <-ctx.Done():
		return fmt.Errorf("wait for a turn to read changes: %w", ctx.Err())
	}
}
