package feed_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.jetify.com/typeid/v2"

	storev1 "github.com/canonhub/canonhub/gen/canonhub/store/v1"
	"github.com/canonhub/canonhub/hub/feed"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// world is a change log with somebody who follows it.
type world struct {
	t *testing.T
	// db is the writers' side; the feed reads by a pool of its own, whose statements between sees.
	db      *store.Store
	feed    *feed.Feed
	reading *store.Store
	between *between

	mu   sync.Mutex
	told []string
}

func setup(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, between: &between{}}
	url := hubtest.Database(t)
	for pool, options := range map[**store.Store]store.Options{&w.db: {}, &w.reading: {Tracer: w.between}} {
		db, err := store.Open(t.Context(), url, options)
		must(t, err)
		t.Cleanup(db.Close)
		*pool = db
	}
	w.feed = feed.New(w.reading, slog.New(slog.DiscardHandler))
	return w
}

// follow notes what is told, by its source, until the test ends. It begins to when it returns.
func (w *world) follow() {
	w.t.Helper()
	began := make(chan struct{})
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	w.t.Cleanup(func() { cancel(); <-ended })
	go func() {
		first := sync.OnceFunc(func() { close(began) })
		ended <- w.feed.Follow(ctx, feed.Query{Kinds: model.Kinds()}, func(e feed.Event) error {
			first()
			if e.Told == feed.Changed {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.told = append(w.told, e.Change.Source)
			}
			return nil
		})
	}()
	<-began
}

func (w *world) toldSo(want string) func() bool {
	return func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return strings.Join(w.told, " ") == want
	}
}

func (w *world) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = nil
}

// write makes a record by a source in one transaction, which waits for goOn before it commits.
func (w *world) write(source string, wrote chan<- struct{}, goOn <-chan struct{}) error {
	id, err := typeid.Generate(string(model.Customer))
	if err != nil {
		return err
	}
	return w.db.InTx(context.Background(), func(tx *store.Tx) error {
		r := &store.Record{ID: store.RecordID(id.String()), Kind: model.Customer, Revision: 1, Message: model.For(model.Customer).New(),
			Provenance: &storev1.Provenance{}, PolicyVersion: 1, Creator: source}
		if err := tx.PutRecord(r); err != nil {
			return err
		}
		tx.PutChange(&store.Change{RecordID: r.ID, Revision: 1, Paths: []string{}, Source: source, CorrelationID: "c"})
		if wrote != nil {
			if err := tx.Flush(context.Background()); err != nil {
				return err
			}
			close(wrote)
			<-goOn
		}
		return nil
	})
}

// slow begins a transaction that has drawn its place and commits later.
func (w *world) slow(source string) (commit func()) {
	wrote, goOn, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() { ended <- w.write(source, wrote, goOn) }()
	<-wrote
	return sync.OnceFunc(func() {
		close(goOn)
		if err := <-ended; err != nil {
			w.t.Errorf("%s: %v", source, err)
		}
	})
}

// between runs something once between the two statements of a look for the horizon, whichever comes first.
type between struct {
	mu    sync.Mutex
	do    func()
	ended time.Time
}

// ofLook says whether a statement is one of them.
func ofLook(sql string) bool {
	return strings.Contains(sql, "last_value") || strings.Contains(sql, "pg_locks")
}

type lookKey struct{}

func (b *between) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if !ofLook(data.SQL) {
		return ctx
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.do != nil && time.Since(b.ended) < 20*time.Millisecond { // there is more time between two looks
		b.do()
		b.do = nil
	}
	return context.WithValue(ctx, lookKey{}, true)
}

func (b *between) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) {
	if ctx.Value(lookKey{}) == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = time.Now()
}

func (b *between) once(do func()) (done func() bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.do = do
	return func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.do == nil
	}
}

func (w *world) until(what string, holds func() bool) {
	w.t.Helper()
	deadline, tick := time.NewTimer(20*time.Second), time.NewTicker(time.Millisecond)
	defer deadline.Stop()
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline.C:
			w.t.Fatalf("waited in vain: %s", what)
		case <-tick.C:
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// What a slow transaction wrote first is told before what a fast one committed meanwhile.
func TestASlowTransactionIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.follow()
	commit := w.slow("slow")
	must(t, w.write("fast", nil, nil))
	looks := w.looks(3)
	w.until("the horizon is looked for", looks)
	if !w.toldSo("")() {
		t.Error("the feed went past a transaction that still runs")
	}
	commit()
	w.until("both are told", w.toldSo("slow fast"))
}

// looks says whether the horizon was looked for some more times.
func (w *world) looks(n int) func() bool {
	var left func() bool
	return func() bool {
		if n > 0 && (left == nil || left()) {
			n--
			left = w.between.once(func() {})
		}
		return n == 0 && left()
	}
}

// A transaction that begins while the horizon is looked for is not taken for one that has ended: the log's end is read
// before its writers are.
func TestATransactionThatBeginsDuringALookIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.follow()
	for range 5 {
		w.forget()
		commit := func() {}
		began := w.between.once(func() { commit = w.slow("slow") })
		w.until("a look is under way", began)
		must(t, w.write("fast", nil, nil))
		w.until("the horizon is looked for", w.looks(2))
		if !w.toldSo("")() {
			t.Error("the feed went past a transaction that began meanwhile")
		}
		commit()
		w.until("both are told", w.toldSo("slow fast"))
	}
}

// Other transactions, however long they are open, delay nothing.
func TestOtherTransactionsDelayNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.follow()
	conn, err := w.db.Pool().Acquire(t.Context())
	must(t, err)
	defer conn.Release()
	tx, err := conn.Begin(t.Context())
	must(t, err)
	_, err = tx.Exec(t.Context(), `insert into audit (action, correlation_id) select 'x', pg_current_xact_id()::text`)
	must(t, err)
	must(t, w.write("shop", nil, nil))
	w.until("it is told", w.toldSo("shop"))
	must(t, tx.Rollback(t.Context()))
}

// What is rolled back holds up nothing, and is never told.
func TestWhatIsRolledBackIsNotTold(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.follow()
	tx, err := w.db.Pool().Begin(t.Context())
	must(t, err)
	_, err = tx.Exec(t.Context(), `insert into records (id, kind, revision, message, provenance, policy_version, creator, placeholder) values ('customer_x', 'customer', 1, '', '', 1, 'x', false)`)
	must(t, err)
	_, err = tx.Exec(t.Context(), `insert into changes (record_id, revision, kind, paths, source, correlation_id) values ('customer_x', 1, 'customer', '{}', 'never', 'c')`)
	must(t, err)
	must(t, w.write("fast", nil, nil))
	w.until("the horizon is looked for", w.looks(2))
	must(t, tx.Rollback(t.Context()))
	w.until("what stands is told", w.toldSo("fast"))
}

// The feed is not cut beyond what is settled: a change that is committed late is told nevertheless.
func TestRetentionWaitsForSlowTransactions(t *testing.T) {
	t.Parallel()
	w := setup(t)
	retention := feed.NewRetention(w.db, time.Nanosecond, slog.New(slog.DiscardHandler))
	must(t, w.write("first", nil, nil))
	if n, err := retention.Cut(t.Context(), 10); n != 1 || err != nil {
		t.Errorf("%d changes left: %v", n, err)
	}
	commit := w.slow("slow")
	must(t, w.write("fast", nil, nil))
	for range 3 {
		if n, err := retention.Cut(t.Context(), 10); n != 0 || err != nil {
			t.Errorf("%d changes left before the slow transaction has ended: %v", n, err)
		}
	}
	commit()
	if n, err := retention.Cut(t.Context(), 10); n != 2 || err != nil {
		t.Errorf("%d changes left: %v", n, err)
	}
}
