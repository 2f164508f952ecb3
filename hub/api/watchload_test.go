package api_test

import (
	"context"
	"errors"
	"flag"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	storev1 "github.com/canonhub/canonhub/gen/canonhub/store/v1"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

var watchChanges = flag.Int64("watch-changes", 20_000, "how many changes TestWatchMissesNothing writes")

const writers = 32

// load is what writers write: revisions of a few records, in transactions that take their time.
type load struct {
	t    *testing.T
	db   *store.Store // of the writers alone
	ids  []store.RecordID
	left atomic.Int64
	done sync.WaitGroup
}

// errThought is why some transactions do not commit.
var errThought = errors.New("on second thought")

func newLoad(w *world, t *testing.T, records int, changes int64) *load {
	t.Helper()
	db, err := store.Open(t.Context(), w.Store.Pool().Config().ConnString(), store.Options{MaxConns: writers})
	must(t, err)
	t.Cleanup(db.Close)
	l := &load{t: t, db: db}
	l.left.Store(changes)
	for range records {
		l.ids = append(l.ids, newID(t, model.Customer))
	}
	slices.Sort(l.ids)
	return l
}

// start writes in the background; wait on done.
func (l *load) start() {
	for seed := range writers {
		l.done.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(seed)))
			for l.left.Load() > 0 {
				if err := l.write(random); err != nil && !errors.Is(err, errThought) {
					l.t.Errorf("write: %v", err)
					return
				}
			}
		})
	}
}

// write changes some records in one transaction: it sleeps before it has their locks, between them and before it commits.
func (l *load) write(random *rand.Rand) error {
	ctx := context.Background()
	ids := make([]store.RecordID, 1+random.IntN(3))
	for i := range ids {
		ids[i] = l.ids[random.IntN(len(l.ids))]
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	stays := random.IntN(20) > 0
	err := l.db.InTx(ctx, func(tx *store.Tx) error {
		sql, err := tx.SQL(ctx)
		if err != nil {
			return err
		}
		if random.IntN(2) == 0 { // its id is drawn now, long before its changes
			if _, err := sql.Exec(ctx, `select pg_current_xact_id(), pg_sleep($1)`, pause(random)); err != nil {
				return err
			}
		}
		for _, id := range ids {
			if err := change(ctx, tx, id); err != nil {
				return err
			}
			if _, err := sql.Exec(ctx, `select pg_sleep($1)`, pause(random)); err != nil {
				return err
			}
		}
		if !stays {
			return errThought
		}
		return nil
	})
	if err == nil {
		l.left.Add(-int64(len(ids)))
	}
	return err
}

func pause(random *rand.Rand) float64 {
	if random.IntN(200) == 0 {
		return 0.2 // a straggler
	}
	return random.Float64() * 0.005
}

// change writes a record's next revision, whose number the record tells.
func change(ctx context.Context, tx *store.Tx, id store.RecordID) error {
	sql, err := tx.SQL(ctx)
	if err != nil {
		return err
	}
	var revision store.Revision
	err = sql.QueryRow(ctx, `insert into records (id, kind, revision, message, provenance, policy_version, creator, placeholder)
		values ($1, 'customer', 0, '', '', 1, 'load', false) on conflict (id) do update set kind = excluded.kind returning revision`, id).Scan(&revision)
	if err != nil {
		return err
	}
	r := &store.Record{ID: id, Kind: model.Customer, Revision: revision + 1, Message: &canonicalv1.Customer{Note: proto.String(noteOf(id, revision+1))},
		Provenance: &storev1.Provenance{}, PolicyVersion: 1, Creator: "load"}
	if err := tx.PutRecord(r); err != nil {
		return err
	}
	tx.PutChange(&store.Change{RecordID: id, Revision: r.Revision, Paths: []string{"note"}, Source: "load", CorrelationID: "load"})
	return tx.Flush(ctx)
}

func noteOf(id store.RecordID, revision store.Revision) string {
	return string(id) + " at " + time.Duration(revision).String()
}

// newest is what the records came to.
func (l *load) newest() map[string]int64 {
	l.t.Helper()
	rows, err := l.db.Pool().Query(l.t.Context(), `select id, revision from records where revision > 0`)
	must(l.t, err)
	defer rows.Close()
	out := map[string]int64{}
	for rows.Next() {
		var (
			id       string
			revision int64
		)
		must(l.t, rows.Scan(&id, &revision))
		out[id] = revision
	}
	must(l.t, rows.Err())
	return out
}

// follower follows a feed and holds it to its promise.
type follower struct {
	t     *testing.T
	feed  hubv1.ChangeServiceClient
	in    *hubv1.WatchRequest
	seen  map[string]int64 // the newest revision, by record
	told  int
	calls int
}

func newFollower(w *world, t *testing.T, in *hubv1.WatchRequest) *follower {
	return &follower{t: t, feed: hubv1.NewChangeServiceClient(w.conn), in: in, seen: map[string]int64{}}
}

// follow reads n messages, or until it is enough, and goes on behind the last the next time.
func (f *follower) follow(n int, enough func() bool) {
	f.t.Helper()
	ctx, cancel := context.WithCancel(f.t.Context())
	defer cancel()
	f.calls++
	stream, err := f.feed.Watch(ctx, f.in)
	must(f.t, err)
	for range n {
		if enough() {
			return
		}
		m, err := stream.Recv()
		must(f.t, err)
		f.take(m)
		f.in.ResumeToken = m.GetToken()
	}
}

// take notes a message: of a record, none but the next revision is new.
func (f *follower) take(m *hubv1.WatchResponse) {
	f.t.Helper()
	c := m.GetChange()
	if snapshot := m.GetSnapshot(); snapshot != nil {
		f.seen[snapshot.GetId()] = snapshot.GetRevision()
		f.holds(snapshot)
	}
	if c == nil {
		return
	}
	f.told++
	if last := f.seen[c.GetId()]; c.GetRevision() > last+1 {
		f.t.Fatalf("%s: revision %d is told behind %d: what is between was skipped", c.GetId(), c.GetRevision(), last)
	}
	f.seen[c.GetId()] = max(f.seen[c.GetId()], c.GetRevision())
	f.holds(c)
}

// holds checks that a change has the record as of its revision.
func (f *follower) holds(c *hubv1.Change) {
	f.t.Helper()
	if got, want := c.GetCustomer().GetCustomer().GetNote(), noteOf(store.RecordID(c.GetId()), store.Revision(c.GetRevision())); got != want {
		f.t.Fatalf("revision %d of %s has the record %q", c.GetRevision(), c.GetId(), got)
	}
}

// behind says whether something was not told.
func (f *follower) behind(newest map[string]int64) bool {
	for id, revision := range newest {
		if f.seen[id] < revision {
			return true
		}
	}
	return false
}

// Concurrent transactions commit in no order of their changes, and a reader that reconnects again and again, now and then
// from an earlier token, sees each revision of each record, in order.
func TestWatchMissesNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	l := newLoad(w, t, 200, *watchChanges)
	f := newFollower(w, t, &hubv1.WatchRequest{Heartbeat: durationpb.New(time.Second), Kinds: []string{"customer"}})
	f.follow(1, func() bool { return false }) // from here on
	began := time.Now()
	var over atomic.Bool
	l.start()
	go func() { l.done.Wait(); over.Store(true) }()
	random := rand.New(rand.NewPCG(7, 7))
	earlier := f.in.GetResumeToken()
	for !over.Load() {
		f.follow(1+random.IntN(1000), over.Load)
		switch random.IntN(5) {
		case 0:
			f.in.ResumeToken = earlier
		case 1:
			earlier = f.in.GetResumeToken()
		}
	}
	wrote, newest := time.Since(began), l.newest()
	for f.behind(newest) {
		f.follow(500, func() bool { return !f.behind(newest) })
	}
	total := int64(0)
	for _, revision := range newest {
		total += revision
	}
	if total < *watchChanges || len(newest) != len(l.ids) {
		t.Errorf("%d changes of %d records were written, want %d of %d", total, len(newest), *watchChanges, len(l.ids))
	}
	t.Logf("%d changes, written in %v, were read in %v over %d calls, some of them twice: %d messages", total,
		wrote.Round(time.Millisecond), time.Since(began).Round(time.Millisecond), f.calls, f.told)
}

// A snapshot that is taken, and broken off, while records change goes over into the feed without a gap.
func TestASnapshotGoesOverIntoTheFeedWithoutAGap(t *testing.T) {
	t.Parallel()
	w := setup(t)
	l := newLoad(w, t, 1500, 4000)
	l.start()
	w.Until("some records are there", func() bool { return len(l.newest()) > 700 })
	f := newFollower(w, t, &hubv1.WatchRequest{Heartbeat: durationpb.New(time.Second), Kinds: []string{"customer"}, Snapshot: true})
	random := rand.New(rand.NewPCG(3, 3))
	for f.told == 0 {
		f.follow(1+random.IntN(300), func() bool { return f.told > 0 })
	}
	l.done.Wait()
	newest := l.newest()
	for f.behind(newest) {
		f.follow(500, func() bool { return !f.behind(newest) })
	}
}
