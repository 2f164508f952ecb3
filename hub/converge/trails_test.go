package converge_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// receiptRow is an event as it came in, and what became of it.
type receiptRow struct {
	store.Receipt
	outcome string
}

// subject tells apart what reviews of one reason are about.
func subject(r store.Review) string {
	switch r.Reason {
	case store.Held:
		return fmt.Sprint(r.RecordIDs[0], "/", r.Path)
	case store.TugOfWar:
		return fmt.Sprint(r.RecordIDs[0], "/", r.Connection, "/", r.Path)
	case store.SharedKey:
		return fmt.Sprint(r.RecordIDs)
	}
	return r.Connection + "/" + r.ExternalID
}

func about(r store.Review) string {
	ids := slices.Clone(r.RecordIDs)
	slices.Sort(ids)
	return fmt.Sprint(ids)
}

// PutReview opens a review, unless it is open already, or was dismissed for the same records.
func (t *tx) PutReview(r store.Review) {
	wanted := true
	t.reviews.each(func(_ int64, other store.Review) {
		same := other.Reason == r.Reason && other.Kind == r.Kind && subject(other) == subject(r)
		anew := r.Reason == store.Held || r.Reason == store.TugOfWar
		if same && (other.ClosedAt.IsZero() || !anew && other.Resolution == store.Dismissed && about(other) == about(r)) {
			wanted = false
		}
	})
	if wanted {
		r.ID, r.OpenedAt = t.next(), t.w.now
		t.reviews.put(t, r.ID, r)
	}
}

// CloseReview closes an open review.
func (t *tx) CloseReview(r *store.Review, c store.Closing) {
	if stored, there := t.reviews.get(r.ID); there && stored.ClosedAt.IsZero() {
		stored.ClosedAt, stored.Resolution, stored.ClosedBy = t.w.now.Add(time.Nanosecond), c.Resolution, c.By
		t.reviews.put(t, r.ID, stored)
	}
}

// ReviewsMerged makes reviews about two records that are one reviews of that one, or closes them.
func (t *tx) ReviewsMerged(merged, survivor store.RecordID, reviews []*store.Review, c store.Closing) {
	for _, r := range reviews {
		next := *r
		next.RecordIDs = slices.Clone(r.RecordIDs)
		for i := range next.RecordIDs {
			if next.RecordIDs[i] == merged {
				next.RecordIDs[i] = survivor
			}
		}
		slices.Sort(next.RecordIDs)
		next.RecordIDs = slices.Compact(next.RecordIDs)
		if len(next.RecordIDs) == 1 && len(r.RecordIDs) > 1 || r.Reason == store.Held || r.Reason == store.TugOfWar {
			t.CloseReview(r, c)
			continue
		}
		taken := false
		t.reviews.each(func(id int64, other store.Review) {
			taken = taken || id != r.ID && other.Reason == r.Reason && other.Kind == r.Kind && other.ClosedAt.IsZero() && subject(other) == subject(next)
		})
		if taken {
			t.CloseReview(r, store.Closing{Resolution: store.SettledItself})
			continue
		}
		t.reviews.put(t, r.ID, next)
	}
}

// PutTrail has nothing to do: the story is told elsewhere.
func (*tx) PutTrail(store.Trail) {}

// PutDeadLetter keeps what was given up.
func (t *tx) PutDeadLetter(d store.DeadLetter) {
	t.letters.put(t, int(t.next()), d)
	t.w.say("  given up at %s: %s%s: %s", d.Connection, d.RecordID, d.ReceiptID, d.Reason)
}

// FinishReceipt ends a receipt's way.
func (t *tx) FinishReceipt(id, state, outcome string) {
	r, _ := t.receipts.get(id)
	r.State, r.outcome = state, outcome
	if slices.Contains([]apply.Outcome{apply.Reviewed, apply.Stale, apply.Unmanaged}, apply.Outcome(outcome)) {
		t.w.blur(&r.Receipt) // what waits for a person, or was of no use, is not heard again by itself
	}
	t.receipts.put(t, id, r)
}

// reopen has a receipt heard again.
func (t *tx) reopen(id string) *store.Receipt {
	r, _ := t.receipts.get(id)
	r.State, r.outcome = "pending", ""
	t.receipts.put(t, id, r)
	return &r.Receipt
}

// Receipt reads a receipt.
func (f *facts) Receipt(_ context.Context, id string) (*store.Receipt, error) {
	r, there := f.receipts.get(id)
	if !there {
		return nil, store.ErrNotFound
	}
	return &r.Receipt, nil
}

// CountChanging counts nothing: brakes have tests of their own.
func (t *tx) CountChanging(context.Context, store.Changing) (map[model.Path]int, error) {
	return nil, nil
}

// openReviews lists the open ones of a reason, for what is told.
func (f *facts) openReviews(reason store.ReviewReason) []store.Review {
	var open []store.Review
	f.reviews.each(func(_ int64, r store.Review) {
		if r.Reason == reason && r.ClosedAt.IsZero() {
			open = append(open, r)
		}
	})
	return open
}

func short(id store.RecordID) string {
	if id == "" {
		return "a new one"
	}
	kind, number, _ := strings.Cut(string(id), "_")
	return kind[:1] + strings.TrimLeft(number, "0")
}
