// Package jobs is the hub's durable work: River's queues on the one database.
//
// Each connection has a queue for what comes in and one for what goes out, so that one vendor's trouble delays no
// other's work. Retries happen here alone. Handlers return nil when the work is done, Snooze when it must wait (which
// uses up no attempt), Cancel when trying again cannot help, and any other error to be tried again with backoff.
package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/hub/store"
)

// TranslateArgs is the job that turns a receipt into observations.
type TranslateArgs struct {
	ReceiptID  string `json:"receipt_id" river:"unique"`
	Connection string `json:"connection"`
}

// Kind names the job.
func (TranslateArgs) Kind() string { return "translate" }

// DeliverArgs is the job that brings one target to a record's newest revision.
type DeliverArgs struct {
	RecordID   store.RecordID `json:"record_id" river:"unique"`
	Connection string         `json:"connection" river:"unique"`
	// Behind has it wait for those that are not.
	Behind bool `json:"-"`
}

// Kind names the job.
func (DeliverArgs) Kind() string { return "deliver" }

// RefoldArgs is the job that folds again the records that an older policy folded.
type RefoldArgs struct {
	PolicyVersion int64 `json:"policy_version" river:"unique"`
}

// Kind names the job.
func (RefoldArgs) Kind() string { return "refold" }

// EraseArgs is the job that ends what an erased record left behind.
type EraseArgs struct {
	RecordID store.RecordID `json:"record_id" river:"unique"`
}

// Kind names the job.
func (EraseArgs) Kind() string { return "erase" }

// PullArgs is the job that reads what is due of one kind from a connection.
type PullArgs struct {
	Connection string `json:"connection" river:"unique"`
	// ObjectKind is the canonical kind.
	ObjectKind string `json:"object_kind" river:"unique"`
}

// Kind names the job.
func (PullArgs) Kind() string { return "pull" }

// RedriveArgs is the work of redriving dead letters at a rate.
type RedriveArgs struct {
	Filter json.RawMessage `json:"filter"` // of hub/redrive
	Rate   float64         `json:"rate"`   // a second
	By     string          `json:"by"`
	Why    string          `json:"why"`
}

// Kind names the job.
func (RedriveArgs) Kind() string { return "redrive" }

// unfinished are the states in which a second job for the same work would be one too many. `completed` is not among
// them: what is owed after a job has ended needs a new one.
var unfinished = []rivertype.JobState{
	rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning,
	rivertype.JobStateRetryable, rivertype.JobStateScheduled,
}

// Tx is the transaction that a job is inserted, or ends, in.
type Tx interface {
	SQL(context.Context) (pgx.Tx, error)
}

// Run is one try of a job.
type Run struct {
	// Last says that a failure now is final whatever its category: no attempts, or no time, are left.
	Last bool
	// Attempt counts the tries, from 1.
	Attempt int
	// fails notes of which category the try fails, and says whether such a failure is final; nil where Last alone says it.
	fails func(fault.Category) bool
	// Complete ends the job in a transaction.
	Complete func(context.Context, Tx) error
}

// Final says that a failure of a category now is final. Who asks and then returns an error that is no wish to wait fails so.
func (r Run) Final(c fault.Category) bool {
	return r.fails != nil && r.fails(c) || r.Last
}

// Handlers do the work.
type Handlers struct {
	Translate func(context.Context, TranslateArgs, Run) error
	Deliver   func(context.Context, DeliverArgs, Run) error
	Refold    func(context.Context, RefoldArgs, Run) error
	Erase     func(context.Context, EraseArgs, Run) error
	Redrive   func(context.Context, RedriveArgs, Run) error
	Pull      func(context.Context, PullArgs, Run) error
}

// Lane is a connection's share of this process.
type Lane struct {
	Connection string
	// Concurrency bounds the deliveries at the same time.
	Concurrency int
}

// Options set up the queue.
type Options struct {
	// ProcessID names this process; the store marks it as living under the same id.
	ProcessID string
	Lanes     []Lane
	Handlers  Handlers
	// Backoff is the first retry's upper bound, doubling from there to MaxBackoff; 0 means one second.
	Backoff time.Duration
	Log     *slog.Logger
}

// pullers bounds how many kinds of one connection are pulled at the same time in one process.
const pullers = 2

// Queue inserts jobs and, once started, works them.
type Queue struct {
	client *river.Client[pgx.Tx]
}

// New makes a queue. It works nothing before Start.
func New(db *store.Store, options Options) (*Queue, error) {
	backoff := options.Backoff
	if backoff == 0 {
		backoff = time.Second
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, &worker[TranslateArgs]{work: options.Handlers.Translate})
	river.AddWorker(workers, &worker[DeliverArgs]{work: options.Handlers.Deliver})
	river.AddWorker(workers, &worker[RefoldArgs]{work: options.Handlers.Refold, timeout: -1})
	river.AddWorker(workers, &worker[EraseArgs]{work: options.Handlers.Erase, timeout: -1})
	river.AddWorker(workers, &worker[PullArgs]{work: options.Handlers.Pull, timeout: 5 * time.Minute})
	river.AddWorker(workers, &worker[RedriveArgs]{work: options.Handlers.Redrive})
	queues := map[string]river.QueueConfig{"hub": {MaxWorkers: 2}}
	for _, lane := range options.Lanes {
		queues[pullQueue(lane.Connection)] = river.QueueConfig{MaxWorkers: pullers}
		queues[inQueue(lane.Connection)] = river.QueueConfig{MaxWorkers: 16}
		queues[outQueue(lane.Connection)] = river.QueueConfig{MaxWorkers: lane.Concurrency}
	}
	client, err := river.NewClient(riverpgxv5.New(db.Pool()), &river.Config{
		ID:                          options.ProcessID,
		Queues:                      queues,
		Workers:                     workers,
		Logger:                      slog.New(quiet{options.Log.Handler()}),
		JobTimeout:                  90 * time.Second,
		RescueStuckJobsAfter:        5 * time.Minute, // only where the process lives and the job hangs; see store.Rescue
		MaxAttempts:                 MaxAttempts,
		RetryPolicy:                 retry{first: backoff},
		FetchCooldown:               10 * time.Millisecond,
		FetchPollInterval:           500 * time.Millisecond,
		CompletedJobRetentionPeriod: time.Hour,
	})
	if err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	return &Queue{client: client}, nil
}

// Start works jobs until Stop.
func (q *Queue) Start(ctx context.Context) error {
	if err := q.client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("start the queue: %w", err)
	}
	return nil
}

// Stop lets running jobs end; when ctx ends they are cancelled, and done again later.
func (q *Queue) Stop(ctx context.Context) error {
	if err := q.client.Stop(ctx); err != nil {
		hard, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		return q.client.StopAndCancel(hard)
	}
	return nil
}

// Translate inserts a job for each receipt, in the receipts' transaction (law 3).
func (q *Queue) Translate(ctx context.Context, tx *store.Tx, receipts []*store.Receipt) error {
	return q.Rehear(ctx, tx, receipts)
}

// Rehear inserts a job for each receipt that is to be heard again. There may be one that has done its work and is not at
// its end, which is no reason to insert none.
func (q *Queue) Rehear(ctx context.Context, tx Tx, receipts []*store.Receipt) error {
	params := make([]river.InsertManyParams, len(receipts))
	for i, r := range receipts {
		params[i] = river.InsertManyParams{Args: TranslateArgs{ReceiptID: r.ID, Connection: r.Connection},
			InsertOpts: &river.InsertOpts{Queue: inQueue(r.Connection)}}
	}
	if len(params) == 0 {
		return nil
	}
	sql, err := tx.SQL(ctx)
	if err != nil {
		return err
	}
	if _, err := q.client.InsertManyFastTx(ctx, sql, params); err != nil { // the fast way knows no unique jobs
		return fmt.Errorf("insert %d jobs: %w", len(params), err)
	}
	return nil
}

// Deliver inserts a job for each delivery that has none, in the transaction of what is owed (law 3).
func (q *Queue) Deliver(ctx context.Context, tx Tx, deliveries []DeliverArgs) error {
	params := make([]river.InsertManyParams, len(deliveries))
	for i, d := range deliveries {
		params[i] = river.InsertManyParams{Args: d, InsertOpts: &river.InsertOpts{
			Queue: outQueue(d.Connection), Priority: priority(d), UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: unfinished}}}
	}
	return q.insert(ctx, tx, params)
}

// priority is River's: 1 is before 4.
func priority(d DeliverArgs) int {
	if d.Behind {
		return 3
	}
	return 1
}

// Redo inserts a job for each receipt that has none.
func (q *Queue) Redo(ctx context.Context, tx Tx, receipts []*store.Receipt) error {
	params := make([]river.InsertManyParams, len(receipts))
	for i, r := range receipts {
		params[i] = river.InsertManyParams{Args: TranslateArgs{ReceiptID: r.ID, Connection: r.Connection},
			InsertOpts: &river.InsertOpts{Queue: inQueue(r.Connection), UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: unfinished}}}
	}
	return q.insert(ctx, tx, params)
}

// RedoAt inserts a job for a receipt at a time, unless it has one.
func (q *Queue) RedoAt(ctx context.Context, tx Tx, r *store.Receipt, at time.Time) error {
	return q.insert(ctx, tx, []river.InsertManyParams{{Args: TranslateArgs{ReceiptID: r.ID, Connection: r.Connection},
		InsertOpts: &river.InsertOpts{Queue: inQueue(r.Connection), ScheduledAt: at, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: unfinished}}}})
}

// DeliverAt inserts a job for a delivery at a time, unless it has one.
func (q *Queue) DeliverAt(ctx context.Context, tx Tx, d DeliverArgs, at time.Time) error {
	return q.insert(ctx, tx, []river.InsertManyParams{{Args: d,
		InsertOpts: &river.InsertOpts{Queue: outQueue(d.Connection), ScheduledAt: at, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: unfinished}}}})
}

// Redrive inserts the job that redrives dead letters, at a time.
func (q *Queue) Redrive(ctx context.Context, args RedriveArgs, at time.Time) error {
	if _, err := q.client.Insert(ctx, args, &river.InsertOpts{Queue: "hub", ScheduledAt: at}); err != nil {
		return fmt.Errorf("queue redrive: %w", err)
	}
	return nil
}

// Pull inserts the job that reads what is due, unless there is one.
func (q *Queue) Pull(ctx context.Context, args PullArgs) error {
	if _, err := q.client.Insert(ctx, args, &river.InsertOpts{Queue: pullQueue(args.Connection), MaxAttempts: 1,
		UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: unfinished}}); err != nil {
		return fmt.Errorf("queue the pull of %s: %w", args.Connection, err)
	}
	return nil
}

// Refold inserts the job for a policy version.
func (q *Queue) Refold(ctx context.Context, version int64) error {
	_, err := q.client.Insert(ctx, RefoldArgs{PolicyVersion: version}, &river.InsertOpts{Queue: "hub",
		UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: unfinished}})
	if err != nil {
		return fmt.Errorf("queue refold: %w", err)
	}
	return nil
}

// Erase inserts the job for a record, in the transaction that erases it.
func (q *Queue) Erase(ctx context.Context, tx Tx, id store.RecordID) error {
	return q.insert(ctx, tx, []river.InsertManyParams{{Args: EraseArgs{RecordID: id}, InsertOpts: &river.InsertOpts{
		Queue: "hub", UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: unfinished}}}})
}

func (q *Queue) insert(ctx context.Context, tx Tx, params []river.InsertManyParams) error {
	if len(params) == 0 {
		return nil
	}
	sql, err := tx.SQL(ctx)
	if err != nil {
		return err
	}
	if _, err := q.client.InsertManyTx(ctx, sql, params); err != nil {
		return fmt.Errorf("insert %d jobs: %w", len(params), err)
	}
	return nil
}

// Pause stops the work that goes out to a connection, in all processes.
func (q *Queue) Pause(ctx context.Context, tx *store.Tx, connection string) error {
	return q.each(ctx, tx, connection, q.client.QueuePauseTx)
}

// Resume takes it up again.
func (q *Queue) Resume(ctx context.Context, tx *store.Tx, connection string) error {
	return q.each(ctx, tx, connection, q.client.QueueResumeTx)
}

func (q *Queue) each(ctx context.Context, tx *store.Tx, connection string, do func(context.Context, pgx.Tx, string, *river.QueuePauseOpts) error) error {
	sql, err := tx.SQL(ctx)
	if err != nil {
		return err
	}
	if err := do(ctx, sql, outQueue(connection), nil); err != nil && !errors.Is(err, rivertype.ErrNotFound) {
		return fmt.Errorf("queue of %s: %w", connection, err)
	}
	return nil
}

func pullQueue(connection string) string { return "pull-" + connection }

// Queues are those of a connection, less that of its pulls: what comes in, and what goes out.
func Queues(connection string) []string { return []string{inQueue(connection), outQueue(connection)} }

func inQueue(connection string) string  { return "in-" + connection }
func outQueue(connection string) string { return "out-" + connection }
