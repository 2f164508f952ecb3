package store

import (
	"context"
	"fmt"
	"time"
)

const (
	// tracesPage is how many rows one statement of an erasure changes.
	tracesPage = 500
	// horizonWait is how often an erasure looks whether older transactions have ended.
	horizonWait = 20 * time.Millisecond
	// horizonPatience bounds how long it does.
	horizonPatience = 10 * time.Second
)

// traces end what an erased tree left behind, page by page: $1 are its records, $2 is the page's size. A statement that
// changes nothing is done.
var traces = []string{
	`update attempts set request = '', sent = '', error = '', external_id = '' where id = any(array(
		select id from attempts where record_id = any($1) and not (request = '' and sent = '' and error = '' and external_id = '') limit $2))`,
	`update changes c set message = null from (select record_id, revision from changes where record_id = any($1) and message <> '' limit $2) as n
		where c.record_id = n.record_id and c.revision = n.revision`,
	`update dead_letters set reason = '', closed_why = '' where id = any(array(
		select id from dead_letters where record_id = any($1) and record_id is not null and reason <> '' limit $2))`,
	`update audit set detail = '' where id = any(array(
		select id from audit a where record_id = any($1) and record_id <> '' and ` + tellsMore + ` limit $2))`,
	`update river_job j set errors = ` + quietErrors + ` where id = any(array(select j.id from unnest($1::text[]) as erased (id)
		join river_job j on j.args @> jsonb_build_object('record_id', erased.id) where ` + loudErrors + ` limit $2))`,
	// What vendors said of records that refer to it has its ids, and more; so has what was pushed for those.
	`update views v set raw = null from (select record_id, source, external_id from views
			where refers && $1 and refers <> '{}' and raw is not null limit $2) as n
		where v.record_id = n.record_id and v.source = n.source and v.external_id = n.external_id`,
	`update attempts set request = '', error = '' where id = any(array(
		select a.id from ` + referring + ` where a.state <> 'pending' and not (a.request = '' and a.error = '') limit $2))`,
	// While a record is part of another, that one has its values.
	`update attempts set request = '', sent = '', error = '' where id = any(array(
		with recursive ` + wasPartOf + ` select a.id from up join attempts a on a.record_id = up.id
		where a.started_at between up.since and up.until and a.state <> 'pending' and not (a.request = '' and a.sent = '' and a.error = '') limit $2))`,
	`update changes c set message = null from (
			with recursive ` + wasPartOf + ` select h.record_id, h.revision from up join changes h on h.record_id = up.id
			where h.changed_at between up.since and up.until and h.message <> '' limit $2) as n
		where c.record_id = n.record_id and c.revision = n.revision`,
	// Receipts that are at their end, and that no job is about to tell anything of.
	`with spoken as materialized (
			select r.id, r.connection, r.event_key, r.correlation_id from erasures e
			join receipt_objects o on o.object_sha256 = e.object_sha256 join receipts r on r.id = o.receipt_id
			where e.record_id = any($1) and r.state <> 'pending' and not exists (
				select 1 from river_job j where j.args @> jsonb_build_object('receipt_id', r.id) and j.state = 'running')
			limit $2),
		forgotten as (delete from receipt_keys k using spoken s where k.connection = s.connection and k.event_key = s.event_key),
		letters as (update dead_letters d set reason = '', closed_why = '' from spoken s where d.receipt_id = s.id and d.receipt_id is not null),
		trail as (update audit a set detail = '' from spoken s where a.correlation_id = s.correlation_id and a.receipt_id = s.id and ` + tellsMore + `),
		jobs as (update river_job j set errors = ` + quietErrors + ` from spoken s where j.args @> jsonb_build_object('receipt_id', s.id) and ` + loudErrors + `),
		emptied as (update receipts r set body = '', event_key = '' from spoken s where r.id = s.id)
		delete from receipt_objects o using spoken s where o.receipt_id = s.id`,
}

const (
	// tellsMore is true of rows of the audit that say more than what happened.
	tellsMore = `a.detail <> '' and a.action <> all(array['erased', 'received', 'verified', 'queued', 'translated', 'applied', 'delivered', 'retried'])`

	quietErrors = `array(select failure || '{"error": "", "trace": ""}' from unnest(j.errors) as failure)`
	loudErrors  = `exists (select 1 from unnest(j.errors) as failure where failure ->> 'error' <> '')`

	// referring are the attempts a for records that refer to $1.
	referring = `views v cross join lateral (
			select v.record_id as id union all select id from records where merged_into = v.record_id) as r
		join attempts a on a.record_id = r.id and v.refers && $1 and v.refers <> '{}'`

	// wasPartOf are the records up that those in $1 were part of, from a time until another.
	wasPartOf = `up as (select survivor as id, merged_at as since, undone_at as until from merges where merged = any($1) and undone_at is not null
		union select m.survivor, up.since, up.until from up cross join lateral (select * from merges where merged = up.id offset 0) as m
			where m.merged_at < up.until and coalesce(m.undone_at, 'infinity') > up.since)`
)

// EraseTraces ends what an erased record left in receipts, attempts, dead letters, the audit and the queue, and in what
// vendors said of others that refer to it. left says that some of it is still needed: a receipt is to be translated, a
// push has no answer, a job runs that may tell of its failure. It may be broken off and called again.
func (s *Store) EraseTraces(ctx context.Context, id RecordID) (left bool, err error) {
	var tree *Tree
	err = s.InTx(ctx, func(tx *Tx) error { tree, err = tx.Tree(ctx, id); return err })
	if err != nil {
		return false, err
	}
	passed, err := s.passHorizon(ctx)
	if err != nil {
		return false, err
	}
	for _, sql := range traces {
		for changed := int64(1); changed > 0; {
			tag, err := s.pool.Exec(ctx, sql, tree.Records, tracesPage)
			if err != nil {
				return false, fmt.Errorf("erase what %s left: %w", id, err)
			}
			changed = tag.RowsAffected()
		}
	}
	err = s.pool.QueryRow(ctx, `select
		exists (select 1 from erasures e join receipt_objects o on o.object_sha256 = e.object_sha256 where e.record_id = any($1))
		or exists (select 1 from river_job where state = 'running' and kind <> 'erase' and args ->> 'record_id' = any($1))
		or exists (select 1 from `+referring+` where a.state = 'pending')
		or exists (with recursive `+wasPartOf+` select 1 from up join attempts a on a.record_id = up.id
			where a.started_at between up.since and up.until and a.state = 'pending')`, tree.Records).Scan(&left)
	if err != nil {
		return false, fmt.Errorf("look what is left of %s: %w", id, err)
	}
	return left || !passed, nil
}

// passHorizon waits until the transactions that run now have ended: what they wrote in ignorance of what was committed
// before is seen from then on. false where one of them takes its time.
func (s *Store) passHorizon(ctx context.Context) (bool, error) {
	var horizon string
	if err := s.pool.QueryRow(ctx, `select pg_snapshot_xmax(pg_current_snapshot())::text`).Scan(&horizon); err != nil {
		return false, fmt.Errorf("read the horizon: %w", err)
	}
	patient, cancel := context.WithTimeout(ctx, horizonPatience)
	defer cancel()
	ticker := time.NewTicker(horizonWait)
	defer ticker.Stop()
	for {
		var passed bool
		err := s.pool.QueryRow(patient, `select pg_snapshot_xmin(pg_current_snapshot()) >= $1::text::xid8`, horizon).Scan(&passed)
		switch {
		case patient.Err() != nil: // perhaps while it was asked
			return false, ctx.Err()
		case err != nil || passed:
			return passed, err
		}
		select {
		case <-patient.Done():
			return false, ctx.Err()
		case <-ticker.C:
		}
	}
}
