package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/canonhub/canonhub/hub/model"
)

// Locks are what a transaction over several records takes at once, in the order that all keep: match keys, links,
// records by id.
type Locks struct {
	Kind    model.Kind
	Keys    []MatchKey
	Objects []LinkKey
	Records []RecordID
}

// LockRecords locks records as they are, not those that answer for them, with their match keys, and reads all around
// each, in the order asked for. ErrNotFound where one is not there.
func (t *Tx) LockRecords(ctx context.Context, l Locks) ([]*Bundle, error) {
	keys := slices.Clone(l.Keys)
	err := t.Read(ctx, func(batch *pgx.Batch) {
		batch.Queue(`select attribute, value from match_keys where record_id = any($1)`, l.Records).Query(func(rows pgx.Rows) error {
			var k MatchKey
			_, err := pgx.ForEachRow(rows, []any{&k.Attribute, &k.Value}, func() error { keys = append(keys, k); return nil })
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read match keys: %w", err)
	}
	bundles := make([]*Bundle, len(l.Records))
	err = t.Read(ctx, func(batch *pgx.Batch) {
		lockKeys(batch, l.Kind, keys)
		lockLinks(batch, l.Objects)
		batch.Queue(`select id from records where id = any($1) order by id for update`, l.Records)
		for i, id := range l.Records {
			bundles[i] = &Bundle{}
			readBundle(batch, bundles[i], "$1::text", id)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("lock records: %w", err)
	}
	for _, b := range bundles {
		if b.Record == nil {
			return nil, ErrNotFound
		}
		if slices.ContainsFunc(b.MatchKeys, func(k MatchKey) bool { return !slices.Contains(keys, k) }) {
			return nil, errMoved // it was given a key while this waited
		}
	}
	return bundles, nil
}

// Living reads, without locks, which records answer for ids. ErrNotFound where one is not there.
func (t *Tx) Living(ctx context.Context, ids ...RecordID) ([]RecordID, error) {
	living := map[RecordID]RecordID{}
	err := t.Read(ctx, func(batch *pgx.Batch) {
		batch.Queue(`select id, coalesce(merged_into, id) from records where id = any($1)`, ids).Query(func(rows pgx.Rows) error {
			var from, to RecordID
			_, err := pgx.ForEachRow(rows, []any{&from, &to}, func() error { living[from] = to; return nil })
			return err
		})
	})
	out := make([]RecordID, len(ids))
	for i, id := range ids {
		if out[i] = living[id]; out[i] == "" && err == nil {
			err = ErrNotFound
		}
	}
	return out, err
}

// Moved is what a transaction returns that finds a record merged after it has locked it: it runs again.
func Moved() error { return errMoved }

// PutMerge queues that a record is part of another from now on: its id answers with that one for ever (law 8), and its
// links and the views of its objects move there. Views of internal sources stay where they are. survivor is as it was.
func (t *Tx) PutMerge(merged RecordID, survivor *Record) {
	t.Queue(`insert into merges (merged, survivor, was_placeholder, was_creator, was_deleted_at) values ($1, $2, $3, $4, $5)`,
		merged, survivor.ID, survivor.Placeholder, survivor.Creator, nullTime(survivor.DeletedAt))
	t.Queue(`update records set merged_into = $2 where id = $1 or merged_into = $1`, merged, survivor.ID)
	t.Queue(`update links set record_id = $2, born_on = coalesce(born_on, record_id) where record_id = $1`, merged, survivor.ID)
	t.Queue(`update views set record_id = $2 where record_id = $1 and external_id <> ''`, merged, survivor.ID)
	t.Queue(`delete from match_keys where record_id = $1`, merged) // the survivor's fold finds them again in its views
	t.Queue(`update deliveries d set state = 'settled', reason = '', waits_for = '', updated_at = now() where record_id = $1 and state <> 'settled'
		and not exists (select 1 from attempts a where a.record_id = d.record_id and a.connection = d.connection and a.state = 'pending')`, merged)
}

// Merged is a merge that stands.
type Merged struct {
	// Record that was merged, and Survivor that it was merged into then.
	Record   RecordID
	Survivor *Record
	// Parts are Record and all that had been merged into it.
	Parts []RecordID
}

// Merged reads the merge of a record; ErrNotFound where it answers for itself.
func (t *Tx) Merged(ctx context.Context, id RecordID) (*Merged, error) {
	m := &Merged{Record: id, Survivor: &Record{}}
	err := t.Read(ctx, func(batch *pgx.Batch) {
		batch.Queue(`select survivor, was_placeholder, was_creator, coalesce(was_deleted_at, '0001-01-01') from merges where merged = $1 and undone_at is null`,
			id).QueryRow(func(row pgx.Row) error {
			s := m.Survivor
			return row.Scan(&s.ID, &s.Placeholder, &s.Creator, &s.DeletedAt)
		})
		collect(batch, &m.Parts, pgx.RowTo[RecordID], `with recursive parts as (
				select $1::text collate "C" as id
				union select m.merged from parts p join merges m on m.survivor = p.id and m.undone_at is null)
			select id from parts`, id)
	})
	return m, notFound(err)
}

// Part queues that a merge ends: the record answers for itself, and for what had been merged into it, and has again what
// it was born with.
func (t *Tx) Part(m *Merged, from RecordID) {
	t.Queue(`update merges set undone_at = now() where merged = $1 and undone_at is null`, m.Record)
	t.Queue(`update records set merged_into = case when id = $1 then null else $1 end where id = any($2)`, m.Record, m.Parts)
	t.Queue(`update views v set record_id = $1 from links l where l.record_id = $3 and l.born_on = any($2)
		and v.record_id = $3 and v.source = l.connection and v.external_id = l.external_id`, m.Record, m.Parts, from)
	t.Queue(`update links set record_id = $1 where record_id = $3 and born_on = any($2)`, m.Record, m.Parts, from)
}

// NotOne queues that a person has said of two records that they are not one: what they share opens no review again.
func (t *Tx) NotOne(kind model.Kind, a, b RecordID, c Closing) {
	pair := []RecordID{min(a, b), max(a, b)}
	t.Queue(`insert into reviews (kind, reason, connection, external_id, record_ids, subject, about, correlation_id, closed_at, resolution, closed_by, closed_why)
		values ($1, $2, '', '', $3, $4, $4, '', now(), $5, $6, $7)`, kind, SharedKey, pair, joinIDs(pair), Dismissed, c.By, c.Why)
}

// ReviewsMerged queues what becomes of the open reviews about two records that are one: what asked whether they are, or
// what to hold, is settled; the others are about the survivor.
func (t *Tx) ReviewsMerged(merged, survivor RecordID, reviews []*Review, c Closing) {
	for _, r := range reviews {
		ids := slices.Clone(r.RecordIDs)
		for i := range ids {
			if ids[i] == merged {
				ids[i] = survivor
			}
		}
		slices.Sort(ids)
		ids = slices.Compact(ids)
		if len(ids) == 1 && len(r.RecordIDs) > 1 || r.Reason == Held || r.Reason == TugOfWar {
			t.CloseReview(r, c)
			continue
		}
		next := *r
		next.RecordIDs = ids
		t.Queue(`update reviews set record_ids = $2, subject = $3, about = $4 where id = $1 and not exists (
			select 1 from reviews o where o.reason = $5 and o.kind = $6 and o.subject = $3 and o.closed_at is null and o.id <> $1)`,
			r.ID, ids, next.subject(), next.about(), r.Reason, r.Kind)
		t.Queue(`update reviews set closed_at = now(), resolution = $3, closed_why = $4
			where id = $1 and $2 = any(record_ids) and closed_at is null`, r.ID, merged, SettledItself, "another review asks the same of "+string(survivor))
		t.Queue(`delete from review_records where review_id = $1`, r.ID)
		t.Queue(`insert into review_records select distinct unnest(record_ids), id from reviews where id = $1 and closed_at is null`, r.ID)
	}
}

// SettleDelivery queues that a record which was merged owes a target nothing any more.
func (t *Tx) SettleDelivery(id RecordID, connection string) {
	t.Queue(`update deliveries set state = 'settled', reason = '', updated_at = now() where record_id = $1 and connection = $2 and state <> 'settled'`,
		id, connection)
}

// Bar queues that an object does not find back to a record by itself.
func (t *Tx) Bar(key LinkKey, id RecordID) {
	t.Queue(`insert into unlinked (connection, kind, external_id, record_id) values ($1, $2, $3, $4) on conflict do nothing`,
		key.Connection, key.Kind, key.ExternalID, id)
}

// Unbar queues that it may.
func (t *Tx) Unbar(key LinkKey, id RecordID) {
	t.Queue(`delete from unlinked u using records r where u.connection = $1 and u.kind = $2 and u.external_id = $3
		and r.id = u.record_id and coalesce(r.merged_into, r.id) = $4`, key.Connection, key.Kind, key.ExternalID, id)
}

// readBarred queues the question which records a person took an object from.
func readBarred(batch *pgx.Batch, c *Contact, key LinkKey) {
	collect(batch, &c.Barred, pgx.RowTo[RecordID], `select coalesce(r.merged_into, r.id) from unlinked u join records r on r.id = u.record_id
		where u.connection = $1 and u.kind = $2 and u.external_id = $3`, key.Connection, key.Kind, key.ExternalID)
}

func readDetached(batch *pgx.Batch, c *Contact, key LinkKey) {
	batch.Queue(`select coalesce(max(record_id), '') from links where connection = $1 and kind = $2 and external_id = $3 and state = 'detached'`,
		key.Connection, key.Kind, key.ExternalID).QueryRow(func(row pgx.Row) error { return row.Scan(&c.Detached) })
}

// MoveView queues that a source's view of an object is of another record.
func (t *Tx) MoveView(key LinkKey, from, to RecordID) {
	t.Queue(`delete from views where record_id = $1 and source = $2 and external_id = $3`, to, key.Connection, key.ExternalID)
	t.Queue(`update views set record_id = $1 where record_id = $4 and source = $2 and external_id = $3`, to, key.Connection, key.ExternalID, from)
}

// DropView queues that what an object said is no record's any more.
func (t *Tx) DropView(key LinkKey, id RecordID) {
	t.Queue(`delete from views where record_id = $1 and source = $2 and external_id = $3`, id, key.Connection, key.ExternalID)
}

// objectName is an object's name in one text.
func objectName(key LinkKey) string {
	return strings.Join([]string{string(key.Kind), key.Connection, key.ExternalID}, "\x00")
}
