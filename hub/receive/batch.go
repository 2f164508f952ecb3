package receive

import (
	"context"

	"github.com/canonhub/canonhub/hub/store"
)

// Queue takes a job for each receipt.
type Queue interface {
	Translate(context.Context, *store.Tx, []*store.Receipt) error
}

const (
	// writers is how many transactions of receipts run at the same time.
	writers = 4
	// maxBatch bounds the receipts of one transaction.
	maxBatch = 256
)

// batcher stores the receipts of concurrent requests together: while one transaction commits, those that arrive wait
// for the next, so that the commit's cost is shared under load and nothing waits when there is none.
type batcher struct {
	store    *store.Store
	queue    Queue
	requests chan *request
	slots    chan struct{}
}

// request is one webhook's receipts, and where its answer goes.
type request struct {
	receipts []*store.Receipt
	fresh    int
	done     chan error
}

func newBatcher(s *store.Store, q Queue) *batcher {
	return &batcher{store: s, queue: q, requests: make(chan *request, 4*maxBatch), slots: make(chan struct{}, writers)}
}

// put returns once the receipts are committed, with the number of those that were not there already.
func (b *batcher) put(ctx context.Context, receipts []*store.Receipt) (fresh int, err error) {
	if len(receipts) == 0 {
		return 0, nil
	}
	mine := &request{receipts: receipts, done: make(chan error, 1)}
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
		case slots <- struct{}{}: // this request writes, for itself and for others
			wrote := b.write(context.WithoutCancel(ctx))
			<-b.slots
			if !wrote {
				slots = nil // another is writing this one: nothing is left to do but wait
			}
		case <-ctx.Done():
			// It may be committed all the same; the vendor sends it again and it is then a duplicate.
			return 0, ctx.Err()
		}
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
			size += len(r.receipts)
			continue
		default:
		}
		break
	}
	if len(batch) == 0 {
		return false
	}
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
		return b.queue.Translate(ctx, tx, queued)
	})
}
