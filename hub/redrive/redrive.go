// Package redrive has work done again that the hub gave up on, or closes it for good.
package redrive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/canonhub/canonhub/hub/jobs"
	"github.com/canonhub/canonhub/hub/store"
)

const (
	// DefaultRate is how many dead letters a second are redriven where nobody says.
	DefaultRate = 10.0
	// page is how many are taken up in one run of the job.
	page = 200
)

// ErrClosed says that a dead letter is closed, or its work has been taken up since.
var ErrClosed = errors.New("the dead letter is closed, or its work has been taken up since")

// Queue takes the jobs.
type Queue interface {
	RedoAt(context.Context, jobs.Tx, *store.Receipt, time.Time) error
	DeliverAt(context.Context, jobs.Tx, jobs.DeliverArgs, time.Time) error
	Redrive(context.Context, jobs.RedriveArgs, time.Time) error
}

// Redriver redrives.
type Redriver struct {
	Store *store.Store
	Queue Queue
}

// Order is who wants it, and why.
type Order struct{ By, Why string }

// One has a dead letter's work done again at a time.
func (r *Redriver) One(ctx context.Context, d *store.DeadLetter, at time.Time, o Order) error {
	return r.Store.InTx(ctx, func(tx *store.Tx) error {
		if closed, err := tx.CloseLetter(ctx, d, store.Redriven, o.By, o.Why); err != nil || !closed {
			return errors.Join(err, unless(closed))
		}
		if d.Delivery() {
			if revived, err := tx.ReviveDelivery(ctx, d.RecordID, d.Connection); err != nil || !revived {
				return errors.Join(err, unless(revived))
			}
			return r.Queue.DeliverAt(ctx, tx, jobs.DeliverArgs{RecordID: d.RecordID, Connection: d.Connection}, at)
		}
		receipt, err := tx.ReopenReceipt(ctx, d.ReceiptID)
		if errors.Is(err, store.ErrNotFound) {
			return ErrClosed
		}
		if err != nil {
			return err
		}
		return r.Queue.RedoAt(ctx, tx, receipt, at)
	})
}

func unless(done bool) error {
	if done {
		return nil
	}
	return ErrClosed
}

// Discard closes a dead letter for good.
func (r *Redriver) Discard(ctx context.Context, d *store.DeadLetter, o Order) error {
	return r.Store.InTx(ctx, func(tx *store.Tx) error {
		closed, err := tx.CloseLetter(ctx, d, store.Discarded, o.By, o.Why)
		return errors.Join(err, unless(closed))
	})
}

// Several has the work of all dead letters that a query finds now done again, at a rate, by a job.
func (r *Redriver) Several(ctx context.Context, q store.LetterQuery, rate float64, o Order) error {
	newest, err := r.Store.NewestLetter(ctx)
	if err != nil {
		return err
	}
	q.Until, q.After, q.IncludeClosed = newest, 0, false // what dies again is newer
	return r.begin(ctx, q, jobs.RedriveArgs{Rate: rate, By: o.By, Why: o.Why}, time.Now())
}

func (r *Redriver) begin(ctx context.Context, q store.LetterQuery, args jobs.RedriveArgs, at time.Time) error {
	var err error
	if args.Filter, err = json.Marshal(q); err != nil {
		return fmt.Errorf("redrive: %w", err)
	}
	return r.Queue.Redrive(ctx, args, at)
}

// Work is the job: it takes a page up, spread over the time that its rate says, and leaves the
// rest to another one when that is over.
func (r *Redriver) Work(ctx context.Context, args jobs.RedriveArgs, _ jobs.Run) error {
	var q store.LetterQuery
	if err := json.Unmarshal(args.Filter, &q); err != nil {
		return jobs.Cancel(fmt.Errorf("redrive: filter: %w", err))
	}
	q.Limit = page
	letters, err := r.Store.DeadLetters(ctx, q)
	if err != nil || len(letters) == 0 {
		return err
	}
	rate := args.Rate
	if rate <= 0 {
		rate = DefaultRate
	}
	now, gap := time.Now(), time.Duration(float64(time.Second)/rate)
	for i, d := range letters {
		err := r.One(ctx, d, now.Add(time.Duration(i)*gap), Order{By: args.By, Why: args.Why})
		if err != nil && !errors.Is(err, ErrClosed) {
			return err
		}
	}
	if len(letters) < page {
		return nil
	}
	q.After = letters[page-1].ID
	return r.begin(ctx, q, args, now.Add(page*gap))
}
