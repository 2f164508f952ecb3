package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/canonhub/canonhub/hub/model"
)

// ReviewReason is why a person is asked.
type ReviewReason string

// The reasons.
const (
	// AmbiguousMatch: an object's match keys belong to several records.
	AmbiguousMatch ReviewReason = "ambiguous_match"
	// MergedAtSource: a vendor has merged the objects of two records.
	MergedAtSource ReviewReason = "merged_at_source"
	// SharedKey: two records claim one match key.
	SharedKey ReviewReason = "shared_key"
	// Held: sources disagree on an attribute that is held while they do.
	Held ReviewReason = "held"
	// TugOfWar: something at a target keeps undoing what the hub brings there.
	TugOfWar ReviewReason = "tug_of_war"
	// Braked: one attribute would change for too many records of a connection at once.
	Braked ReviewReason = "braked"
	// Vanished: more objects of a connection are gone at once than may be taken as deleted.
	Vanished ReviewReason = "vanished"
	// EraseRequested: a person asked one source to be forgotten, and others hold objects of theirs, too.
	EraseRequested ReviewReason = "erase_requested"
)

// Resolution is how a review was closed.
type Resolution string

// The resolutions.
const (
	// Resolved: a person decided.
	Resolved Resolution = "resolved"
	// Dismissed: a person said that there is nothing to decide.
	Dismissed Resolution = "dismissed"
	// SettledItself: what was disagreed on is no more.
	SettledItself Resolution = "settled"
)

// Review is a disagreement that a person must decide.
type Review struct {
	ID     int64
	Reason ReviewReason
	// LinkKey tells the kind and, where it is about one connection, that and its object.
	LinkKey
	// Path is the attribute in question; empty where it is about records as a whole.
	Path      model.Path
	RecordIDs []RecordID
	// Detail tells people more. It holds no value of an attribute.
	Detail        string
	ReceiptID     string
	CorrelationID string

	OpenedAt time.Time
	// ClosedAt is zero while it is open.
	ClosedAt   time.Time
	ClosedBy   string
	Resolution Resolution
	ClosedWhy  string
}

// subject tells apart what reviews of one reason are about: one is open for each at a time.
func (r *Review) subject() string {
	switch r.Reason {
	case Held:
		return strings.Join([]string{string(r.RecordIDs[0]), string(r.Path)}, "/")
	case TugOfWar:
		return strings.Join([]string{string(r.RecordIDs[0]), r.Connection, string(r.Path)}, "/")
	case Braked:
		return r.Connection + "/" + string(r.Path)
	case SharedKey:
		return joinIDs(r.RecordIDs)
	}
	return r.Connection + "/" + r.ExternalID
}

// about is what is disagreed on.
func (r *Review) about() string {
	ids := slices.Clone(r.RecordIDs)
	slices.Sort(ids)
	return joinIDs(ids)
}

func joinIDs(ids []RecordID) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = string(id)
	}
	return strings.Join(texts, "/")
}

// PutReview queues a review. One that is open already for the same subject stays as it is; one that was dismissed is
// not opened again for the same records.
func (t *Tx) PutReview(r Review) {
	dismissable := r.Reason != TugOfWar && r.Reason != Braked && r.Reason != Held && r.Reason != Vanished // those begin anew each time
	t.Queue(`with opened as (
			insert into reviews (kind, reason, connection, external_id, path, record_ids, subject, about, detail, receipt_id, correlation_id)
			select $1, $2, $3, $4, $5, $6, $7, $8, $9, nullif($10, ''), $11
			where not ($12 and exists (select 1 from reviews where reason = $2 and kind = $1 and subject = $7 and resolution = 'dismissed' and about = $8))
			on conflict do nothing returning id, record_ids),
		listed as (insert into review_records select distinct unnest(record_ids), id from opened)
		insert into audit (action, correlation_id, connection, record_id, detail)
		select $13, $11, $3, $14, $2 || ' ' || $5 || ' (review ' || id || ')' from opened`,
		r.Kind, r.Reason, r.Connection, r.ExternalID, r.Path, r.RecordIDs, r.subject(), r.about(), r.Detail, r.ReceiptID, r.CorrelationID,
		dismissable, ActionReviewOpened, firstOf(r.RecordIDs))
}

func firstOf(ids []RecordID) RecordID {
	if len(ids) == 0 {
		return ""
	}
	return ids[0]
}

// ErrReviewClosed says that somebody has closed the review already.
var ErrReviewClosed = errors.New("the review is closed already")

// Closing is how, by whom and why a review is closed.
type Closing struct {
	Resolution Resolution
	By, Why    string
}

// CloseReview queues the end of an open review. One that is closed already stays as it is.
func (t *Tx) CloseReview(r *Review, c Closing) {
	t.Queue(`delete from review_records where review_id = $1`, r.ID)
	t.Queue(`with closed as (
			update reviews set closed_at = now(), resolution = $2, closed_by = $3, closed_why = $4 where id = $1 and closed_at is null returning id)
		insert into audit (action, correlation_id, connection, record_id, actor, detail) select $5, $6, $7, $8, $3, $9 from closed`,
		r.ID, c.Resolution, c.By, c.Why, ActionReviewClosed, r.CorrelationID, r.Connection, firstOf(r.RecordIDs),
		fmt.Sprintf("%s %s (review %d): %s: %s", r.Reason, r.Path, r.ID, c.Resolution, c.Why))
}

const reviewColumns = `w.id, w.reason, w.kind, w.connection, w.external_id, w.path, w.record_ids, w.detail, coalesce(w.receipt_id, ''),
	w.correlation_id, w.opened_at, w.closed_at, w.closed_by, w.resolution, w.closed_why`

func scanReview(row pgx.CollectableRow) (*Review, error) { return readReview(row) }

func readReview(row pgx.Row) (*Review, error) {
	var (
		r      Review
		closed *time.Time
	)
	err := row.Scan(&r.ID, &r.Reason, &r.Kind, &r.Connection, &r.ExternalID, &r.Path, &r.RecordIDs, &r.Detail, &r.ReceiptID,
		&r.CorrelationID, &r.OpenedAt, &closed, &r.ClosedBy, &r.Resolution, &r.ClosedWhy)
	if closed != nil {
		r.ClosedAt = *closed
	}
	return &r, err
}

// Review reads a review; ErrNotFound where there is none.
func (s *Store) Review(ctx context.Context, id int64) (*Review, error) {
	rows, err := s.pool.Query(ctx, `select `+reviewColumns+` from reviews w where w.id = $1`, id)
	if err != nil {
		return nil, fmt.Errorf("read review %d: %w", id, err)
	}
	r, err := pgx.CollectExactlyOneRow(rows, scanReview)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrNotFound
	}
	return r, err
}

// ReviewQuery asks for a page of reviews, oldest first. Empty fields are for all.
type ReviewQuery struct {
	Kinds      []model.Kind
	Connection string
	Reason     ReviewReason
	RecordID   RecordID
	// OpenedSince and OpenedBefore bound when it was opened; zero means open.
	OpenedSince, OpenedBefore time.Time
	IncludeClosed             bool
	// After is the last review of the page before.
	After *ReviewPosition
	Limit int
}

// ReviewPosition is a place in the list of reviews.
type ReviewPosition struct {
	OpenedAt time.Time
	ID       int64
}

// Reviews reads a page of reviews.
func (s *Store) Reviews(ctx context.Context, q ReviewQuery) ([]*Review, error) {
	after := ReviewPosition{OpenedAt: time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)}
	if q.After != nil {
		after = *q.After
	}
	until := q.OpenedBefore
	if until.IsZero() {
		until = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	open, about := ` and w.closed_at is null`, ""
	if q.IncludeClosed {
		open = ""
	}
	args := []any{q.Kinds, q.Connection, q.Reason, after.OpenedAt, after.ID, q.OpenedSince, until, q.Limit}
	if q.RecordID != "" {
		about = ` and w.record_ids @> array[$9]`
		args = append(args, q.RecordID)
	}
	rows, err := s.pool.Query(ctx, `select `+reviewColumns+` from reviews w
		where w.kind = any($1) and ($2 = '' or w.connection = $2) and ($3 = '' or w.reason = $3)
		  and (w.opened_at, w.id) > ($4, $5) and w.opened_at >= $6 and w.opened_at < $7`+open+about+`
		order by w.opened_at, w.id limit $8`, args...)
	if err != nil {
		return nil, fmt.Errorf("read reviews: %w", err)
	}
	return pgx.CollectRows(rows, scanReview)
}
