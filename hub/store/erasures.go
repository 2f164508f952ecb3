package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// ErrErased says that what was held of the record is gone for good.
var ErrErased = errors.New("the record was erased")

// salted is the hash by which an erased object is known, of its name in name, an expression of type bytea.
func salted(name string) string { return `sha256((select salt from erasure_salt) || ` + name + `)` }

func namesOf(objects []LinkKey) [][]byte {
	names := make([][]byte, len(objects))
	for i, key := range objects {
		names[i] = []byte(objectName(key))
	}
	return names
}

// readErased queues the question whether an object's record was erased.
func readErased(batch *pgx.Batch, c *Contact, key LinkKey) {
	batch.Queue(`select exists (select 1 from erasures where object_sha256 = `+salted("$1")+`)`, []byte(objectName(key))).
		QueryRow(func(row pgx.Row) error { return row.Scan(&c.Erased) })
}

// PutErased queues that an object is one of an erased record: nothing of it is taken in any more.
func (t *Tx) PutErased(key LinkKey, id RecordID) {
	t.Queue(`insert into erasures (object_sha256, kind, connection, record_id, erased_by)
		select `+salted("$1")+`, $2, $3, r.id, r.erased_by from records r where r.id = $4 on conflict do nothing`,
		[]byte(objectName(key)), key.Kind, key.Connection, id)
}

// PutSpoken queues which objects a receipt speaks of: where one of them is erased, it is emptied.
func (t *Tx) PutSpoken(receiptID string, objects []LinkKey) {
	t.Queue(`insert into receipt_objects (receipt_id, object_sha256) select $1, `+salted("name")+` from unnest($2::bytea[]) as name
		on conflict do nothing`, receiptID, namesOf(objects))
}

// Tree is a record with all that was merged into it, and the objects that are linked to it.
type Tree struct {
	// Records, the one that answers for all of them first.
	Records []RecordID
	Objects []LinkKey
}

// Tree reads, without locks, what an id is part of; ErrNotFound where there is no such record.
func (t *Tx) Tree(ctx context.Context, id RecordID) (*Tree, error) {
	tree := &Tree{}
	err := t.Read(ctx, func(batch *pgx.Batch) {
		collect(batch, &tree.Records, pgx.RowTo[RecordID], `select id from (
				select id, 0 as rank from records where id = `+living+`
				union all select id, 1 from records where merged_into = `+living+`) as tree order by rank, id`, id)
		collect(batch, &tree.Objects, pgx.RowToStructByPos[LinkKey], `select connection, kind, external_id from links
			where record_id = `+living+` and state <> 'detached' order by connection, external_id`, id)
	})
	if err == nil && len(tree.Records) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read the tree of %s: %w", id, err)
	}
	return tree, nil
}

// Erasure is the end of all that is held of a tree, which is locked.
type Erasure struct {
	*Tree
	By string
	// Names are what tells that a receipt which could not be read speaks of one of the objects.
	Names []string
}

// Erase queues that nothing is left of a tree but its ids, and that, when and by whom it was erased. What there is of it
// elsewhere (receipts, attempts, audit, the queue) is for EraseTraces.
func (t *Tx) Erase(e Erasure) {
	connections, kinds, externals := make([]string, len(e.Objects)), make([]string, len(e.Objects)), make([]string, len(e.Objects))
	for i, key := range e.Objects {
		connections[i], kinds[i], externals[i] = key.Connection, string(key.Kind), key.ExternalID
	}
	t.Queue(`update records set message = '', provenance = '', placeholder = false, archive = false, deleted_at = coalesce(deleted_at, now()),
		erased_at = now(), erased_by = $3, revision = revision + case when id = $2 then 1 else 0 end,
		updated_at = greatest(clock_timestamp(), updated_at) where id = any($1)`, e.Records, e.Records[0], e.By)
	for _, key := range e.Objects {
		t.PutErased(key, e.Records[0])
	}
	t.eraseUnread(e, connections)
	for _, sql := range erasedObjects {
		t.Queue(`with erased as (select * from unnest($1::text[], $2::text[], $3::text[]) as erased (connection, kind, external_id)) `+sql, connections, kinds, externals)
	}
	for _, sql := range erasedRecords {
		t.Queue(sql, e.Records)
	}
	t.Queue(`with erased as (`+closing+` where w.record_ids && $1 returning w.id) delete from review_records o using erased e where o.review_id = e.id`, e.Records, e.By)
	t.Queue(`with objects as (select * from unnest($1::text[], $3::text[], $4::text[]) as objects (connection, kind, external_id)),
		erased as (`+closing+` from objects e where w.kind = e.kind and w.connection = e.connection and w.external_id = e.external_id and w.external_id <> '' returning w.id)
		delete from review_records o using erased e where o.review_id = e.id`, connections, e.By, kinds, externals)
}

// erasedObjects end what is known by the erased objects.
var erasedObjects = []string{
	`delete from orphans o using erased e where o.kind = e.kind and o.connection = e.connection and o.external_id = e.external_id`,
	`delete from pull_seen o using erased e where o.kind = e.kind and o.connection = e.connection and o.external_id = e.external_id`,
	`delete from pull_findings o using erased e where o.kind = e.kind and o.connection = e.connection and o.external_id = e.external_id`,
	`delete from gone_objects o using erased e where o.kind = e.kind and o.connection = e.connection and o.external_id = e.external_id`,
	// What was pushed for a record that a person took the object from held what the object said. A push may have begun
	// while that waited for the record.
	`update attempts a set request = '', sent = '', error = '' from erased e
		join unlinked u on u.kind = e.kind and u.connection = e.connection and u.external_id = e.external_id
		where a.record_id = u.record_id and a.started_at <= u.at + interval '1 minute' and a.state <> 'pending'`,
	`update changes c set message = null from erased e
		join unlinked u on u.kind = e.kind and u.connection = e.connection and u.external_id = e.external_id
		where c.record_id = u.record_id and c.changed_at <= u.at and c.message is not null`,
	`delete from unlinked o using erased e where o.kind = e.kind and o.connection = e.connection and o.external_id = e.external_id`,
	// Pushes to the object, also for another record that had it before: where one is under way, its delivery finds that out.
	`update attempts a set state = case when a.state = 'pending' then 'abandoned' else a.state end, settled_at = coalesce(a.settled_at, now()),
			request = '', sent = '', error = '', external_id = '' from erased e
		where a.kind = e.kind and a.connection = e.connection and a.external_id = e.external_id and a.external_id <> ''`,
}

// erasedRecords end what is known by the erased records' ids.
var erasedRecords = []string{
	`delete from links where record_id = any($1)`,
	`delete from views where record_id = any($1)`,
	`delete from match_keys where record_id = any($1)`,
	`delete from promoted_attributes where record_id = any($1)`,
	`delete from unlinked where record_id = any($1)`,
	`update changes set message = null where record_id = any($1)`,
	`update deliveries set state = 'settled', reason = '', braked = false, updated_at = now() where record_id = any($1)`,
	`update attempts set state = 'abandoned', request = '', sent = '', external_id = '', settled_at = now() where record_id = any($1) and state = 'pending'`,
	// The request is remembered, so that it is not made a second time.
	`update requests set request_id = ` + erasedRequest("caller", "request_id") + `, fingerprint = '', answer = '' where record_id = any($1)`,
}

// closing ends reviews w, whether they are open or not: what people wrote on them goes, too.
const closing = `update reviews w set subject = 'erased/' || w.id, external_id = '', detail = '', closed_at = coalesce(w.closed_at, now()),
	closed_by = case when w.closed_at is null then $2 else w.closed_by end, closed_why = 'the record was erased',
	resolution = case when w.closed_at is null then 'settled' else w.resolution end`

// erasedRequest is a request's id once its record was erased.
func erasedRequest(caller, id string) string {
	return `'erased/' || encode(` + salted(`convert_to(`+caller+` || '/' || `+id+`, 'UTF8')`) + `, 'hex')`
}

// eraseUnread queues that dead receipts which no adapter could read, so that nobody knows of which object they speak, are
// emptied with the tree where they have one of its names.
func (t *Tx) eraseUnread(e Erasure, connections []string) {
	names := make([][]byte, len(e.Names))
	for i, name := range e.Names {
		names[i] = []byte(name)
	}
	if len(e.Objects) == 0 {
		return
	}
	t.Queue(`insert into receipt_objects (receipt_id, object_sha256) select r.id, `+salted("$1")+` from receipts r
		where r.connection = any($2) and r.state = 'dead' and not exists (select 1 from receipt_objects o where o.receipt_id = r.id)
		  and exists (select 1 from unnest($3::bytea[]) as name where position(name in r.body) > 0)`,
		[]byte(objectName(e.Objects[0])), connections, names)
}
