package receive

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/canonhub/canonhub/hub/connection"
	"github.com/canonhub/canonhub/hub/store"
)

// Queue takes a job for each receipt.
type Queue interface {
	Translate(context.Context, *store.Tx, []*store.Receipt) error
}

const (
	// writers is how many transactions of receipts run at the same time.
	writers = 4
	// writeTime bounds one transaction.
	writeTime = 30 * time.Second
	// maxBatch bounds the receipts of one transaction.
	maxBatch = 256
)

// batcher stores the receipts of concurrent requests together: while one transaction commits, those that arrive wait
// for the next, so that the commit's cost is shared under load and nothing waits when there is none.
type batcher struct {
	store    *store.Store
	queue    Queue
	known    connection.Set
	requests chan *request
	slots    chan struct{}
}

// request is one webhook's receipts, and where its answer goes.
type request struct {
	connection string
	receipts   []*store.Receipt
	// numbers are those that the vendor gave all its events, those of other accounts too.
	numbers []int64
	fresh   int
	done    chan error
}

func newBatcher(s *store.Store, q Queue, known connection.Set) *batcher {
	return &batcher{store: s, queue: q, known: known, requests: make(chan *request, 4*maxBatch), slots: make(chan struct{}, writers)}
}

// put returns once a request is committed, with the number of receipts that were not there already.
func (b *batcher) put(ctx context.Context, mine *request) (fresh int, err error) {
	if len(mine.receipts) == 0 && len(mine.numbers) == 0 {
		return 0, nil
	}
	mine.done = make(chan error, 1)
	select {
	case b.requests <- mine:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	slots := b.slots
	for {
		select {
		case err := <-mine.done:
			return mine.fresh, err
		case slots <- struct{}{}: // a writer begins, for this request and for others
			go b.writeAll(context.WithoutCancel(ctx))
			slots = nil // it ends when nothing waits: there is nothing to do but wait
		case <-ctx.Done():
			// It may be committed all the same; the vendor sends it again and it is then a duplicate.
			return 0, ctx.Err()
		}
	}
}

// writeAll stores what waits until nothing does. Who waits for it may have gone: a database that hangs must hold up
// writers alone.
func (b *batcher) writeAll(ctx context.Context) {
	defer func() { <-b.slots }()
	for b.write(ctx) {
	}
}

// write stores what waits, in one transaction; false where nothing does.
func (b *batcher) write(ctx context.Context) bool {
	var batch []*request
	size := 0
	for size < maxBatch {
		select {
		case r := <-b.requests:
			batch = append(batch, r)
			size += max(1, len(r.receipts))
			continue
		default:
		}
		break
	}
	if len(batch) == 0 {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	err := b.commit(ctx, batch)
	for _, r := range batch {
		r.done <- err
	}
	return true
}

func (b *batcher) commit(ctx context.Context, batch []*request) error {
	var distinct []*store.Receipt
	seen := map[[2]string]bool{}
	for _, r := range batch {
		for _, receipt := range r.receipts {
			if key := [2]string{receipt.Connection, receipt.EventKey}; !seen[key] {
				seen[key] = true
				distinct = append(distinct, receipt)
			}
		}
	}
	return b.store.InTx(ctx, func(tx *store.Tx) error {
		fresh, err := tx.PutReceipts(ctx, distinct)
		if err != nil {
			return err
		}
		var queued []*store.Receipt
		for _, r := range batch {
			r.fresh = 0
			for _, receipt := range r.receipts {
				if fresh[receipt.ID] {
					queued = append(queued, receipt)
					r.fresh++
				}
			}
		}
		if err := b.number(ctx, tx, batch); err != nil {
			return err
		}
		return b.queue.Translate(ctx, tx, queued)
	})
}

// number looks at the numbers that vendors give their events. Where some are missing, an event was lost, or comes later:
// what has changed is pulled.
func (b *batcher) number(ctx context.Context, tx *store.Tx, batch []*request) error {
	heard := map[string][]int64{}
	for _, r := range batch {
		if len(r.numbers) > 0 {
			heard[r.connection] = append(heard[r.connection], r.numbers...)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(heard)) {
		missing, err := tx.HearNumbers(ctx, name, heard[name])
		if err != nil {
			return err
		}
		if !missing {
			continue
		}
		for kind, carriage := range b.known[name].Carries {
			if carriage.Pull.MaxPage > 0 {
				tx.WishPull(store.Lane{Connection: name, Kind: kind}, store.PullWish{Mode: store.Changes, Why: "events are missing between those that came"})
			}
		}
	}
	return nil
}
