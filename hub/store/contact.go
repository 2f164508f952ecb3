package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/canonhub/canonhub/hub/model"
)

// Contact is what the store knows of an object that a source speaks of.
type Contact struct {
	// Bundle of the linked record; nil where the object is not linked.
	Bundle *Bundle
	// Link of the object; nil where it is not linked.
	Link *Link
	// Matches are the records that have the first of the keys that any record has.
	Matches []RecordID
	// GoneAt is when an object that is not linked was gone, by the source's clock, and GoneNoted when that was noted, by the
	// database's; zero where it was not.
	GoneAt, GoneNoted time.Time
	// Barred are the records that a person took the object from.
	Barred []RecordID
	// Detached is the record that the object was taken from last; empty where it was from none.
	Detached RecordID
	// Erased says that the object's record was erased: nothing of it is taken in any more.
	Erased bool
	// Waits says that the object waited for a record so far.
	Waits bool
	// ActivePolicy is the version of the policy that is active as this is read.
	ActivePolicy int64
	// Others are the links of the objects that this one refers to. One whose record was erased has none any more: its place
	// is taken by a detached one to what is left of the record.
	Others map[LinkKey]*Link
}

// LockContact locks, in the order that all transactions keep (match keys, links, record), everything that an object's
// observation may change, and reads it, in one round trip, and on first contact one more. Two transactions that speak of
// one key or of one object follow each other, also where no row is there yet. A key without an external id is no object's:
// somebody speaks of a record itself.
func (t *Tx) LockContact(ctx context.Context, key LinkKey, keys []MatchKey, refers []LinkKey) (*Contact, error) {
	if key.ExternalID == "" {
		return t.lockWord(ctx, key.Kind, keys, refers)
	}
	c := &Contact{Bundle: &Bundle{}, Others: map[LinkKey]*Link{}}
	const linked = `(select coalesce(a.merged_into, a.id) from links l join records a on a.id = l.record_id
		where l.connection = $1 and l.kind = $2 and l.external_id = $3 and l.state <> 'detached')`
	at := []any{key.Connection, key.Kind, key.ExternalID}
	var still stillThere
	err := t.Read(ctx, func(batch *pgx.Batch) {
		lockKeys(batch, key.Kind, keys)
		lockLinks(batch, append(slices.Clone(refers), key))
		still.lock(batch, linked, at...)
		readBundle(batch, c.Bundle, linked, at...)
		readOthers(batch, c, refers)
	})
	if err == nil {
		err = still.check(c.Bundle)
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s %s: %w", key.Connection, key.Kind, err)
	}
	c.ActivePolicy = c.Bundle.ActivePolicy
	if c.Bundle.Record != nil {
		c.Link = c.Bundle.Link(key)
	} else {
		c.Bundle = nil
	}
	if c.Link != nil && !c.Bundle.Record.Placeholder {
		return c, nil
	}
	err = t.Read(ctx, func(batch *pgx.Batch) { // first contact
		readBarred(batch, c, key)
		readDetached(batch, c, key)
		readMatches(batch, c, key.Kind, keys)
		readGone(batch, c, key)
		readErased(batch, c, key)
		readWaits(batch, c, key)
	})
	return c, err
}

// lockWord is LockContact where there is no object.
func (t *Tx) lockWord(ctx context.Context, kind model.Kind, keys []MatchKey, refers []LinkKey) (*Contact, error) {
	c := &Contact{Others: map[LinkKey]*Link{}}
	err := t.Read(ctx, func(batch *pgx.Batch) {
		lockKeys(batch, kind, keys)
		lockLinks(batch, refers)
		readMatches(batch, c, kind, keys)
		readOthers(batch, c, refers)
		batch.Queue(activeVersion).QueryRow(func(row pgx.Row) error { return row.Scan(&c.ActivePolicy) })
	})
	if err != nil {
		return nil, fmt.Errorf("lock what is said of a %s: %w", kind, err)
	}
	return c, nil
}

// LockObject locks an object's link, not its record, and reads it; nil where it is not linked.
func (t *Tx) LockObject(ctx context.Context, key LinkKey) (*Link, error) {
	c := &Contact{Others: map[LinkKey]*Link{}}
	err := t.Read(ctx, func(batch *pgx.Batch) {
		lockLinks(batch, []LinkKey{key})
		readOthers(batch, c, []LinkKey{key})
	})
	if link := c.Others[key]; link.Speaks() {
		return link, err
	}
	return nil, err
}

// lockKeys takes the locks on match keys. They are advisory: a key's row may not exist yet.
func lockKeys(batch *pgx.Batch, kind model.Kind, keys []MatchKey) {
	sorted := slices.Clone(keys)
	slices.SortFunc(sorted, MatchKey.Compare)
	for _, k := range slices.Compact(sorted) {
		batch.Queue(`select pg_advisory_xact_lock(hashtextextended('match/' || $1 || '/' || $2 || '/' || $3, 0))`,
			string(kind), string(k.Attribute), k.Value)
	}
}

// lockLinks takes the locks on links, likewise.
func lockLinks(batch *pgx.Batch, keys []LinkKey) {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = "link/" + k.Connection + "/" + string(k.Kind) + "/" + k.ExternalID
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		batch.Queue(`select pg_advisory_xact_lock(hashtextextended($1, 0))`, name)
	}
}

func readMatches(batch *pgx.Batch, c *Contact, kind model.Kind, keys []MatchKey) {
	if len(keys) == 0 {
		return
	}
	attributes, values := make([]string, len(keys)), make([]string, len(keys))
	for i, k := range keys {
		attributes[i], values[i] = string(k.Attribute), k.Value
	}
	// Key by key: joined as one, a plan that was made while the tables were empty reads all of them, and a backfill keeps it.
	batch.Queue(`select k.place, m.id
		from unnest($2::text[], $3::text[]) with ordinality as k (attribute, value, place), lateral (
			select coalesce(r.merged_into, r.id) as id from match_keys m join records r on r.id = m.record_id
			where m.kind = $1 and m.attribute = k.attribute and m.value = k.value and r.deleted_at is null
			order by m.record_id limit 20) as m
		order by 1, 2 limit 20`, string(kind), attributes, values).Query(func(rows pgx.Rows) error {
		var (
			first, place int64
			id           RecordID
		)
		_, err := pgx.ForEachRow(rows, []any{&place, &id}, func() error {
			if first == 0 && !slices.Contains(c.Barred, id) {
				first = place
			}
			if place == first && !slices.Contains(c.Matches, id) && !slices.Contains(c.Barred, id) {
				c.Matches = append(c.Matches, id)
			}
			return nil
		})
		return err
	})
}

func readOthers(batch *pgx.Batch, c *Contact, refers []LinkKey) {
	for _, key := range refers {
		batch.Queue(`select `+linkColumns+` from links l where l.connection = $1 and l.kind = $2 and l.external_id = $3
			and l.state <> 'detached'`, key.Connection, key.Kind, key.ExternalID).Query(func(rows pgx.Rows) error {
			links, err := pgx.CollectRows(rows, scanLinkIn)
			if len(links) > 0 {
				c.Others[key] = links[0]
			}
			return err
		})
		batch.Queue(`select record_id from erasures where object_sha256 = `+salted("$1"), []byte(objectName(key))).Query(func(rows pgx.Rows) error {
			erased, err := pgx.CollectRows(rows, pgx.RowTo[RecordID])
			if len(erased) > 0 && c.Others[key] == nil {
				c.Others[key] = &Link{LinkKey: key, RecordID: erased[0], BornOn: erased[0], State: LinkDetached}
			}
			return err
		})
	}
}

// Epoch is what a read of an object must carry: the link's epoch, and the database's time, as the read begins.
type Epoch struct {
	// Linked says that there was a link.
	Linked bool
	Number int64
	Began  time.Time
	// LastRead is when the last applied read of the object began.
	LastRead time.Time
	// Erased says that the object's record was erased: it is not to be read at all.
	Erased bool
}

// Epoch reads an object's epoch.
func (s *Store) Epoch(ctx context.Context, key LinkKey) (Epoch, error) {
	var (
		e        Epoch
		number   *int64
		lastRead *time.Time
	)
	err := s.pool.QueryRow(ctx, `select clock_timestamp(), l.epoch, l.read_began,
			l.epoch is null and exists (select 1 from erasures where object_sha256 = `+salted("$4")+`)
		from (select 1) as one left join links l on l.connection = $1 and l.kind = $2 and l.external_id = $3 and l.state <> 'detached'`,
		key.Connection, key.Kind, key.ExternalID, []byte(objectName(key))).Scan(&e.Began, &number, &lastRead, &e.Erased)
	if err != nil {
		return e, fmt.Errorf("epoch of a %s at %s: %w", key.Kind, key.Connection, err)
	}
	if number != nil {
		e.Linked, e.Number = true, *number
	}
	if lastRead != nil {
		e.LastRead = *lastRead
	}
	return e, nil
}
