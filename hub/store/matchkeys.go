package store

import (
	"cmp"

	"github.com/canonhub/canonhub/hub/model"
)

// MatchKey is a normalised value that tells on first contact that two objects are one party.
type MatchKey struct {
	Attribute model.Path
	Value     string
}

// Compare orders keys, so that all transactions lock them in one order.
func (k MatchKey) Compare(other MatchKey) int {
	return cmp.Or(cmp.Compare(k.Attribute, other.Attribute), cmp.Compare(k.Value, other.Value))
}

// PutMatchKey queues a key for a record. Where other records have it, too, a review is opened for each: the two may be
// one party.
func (t *Tx) PutMatchKey(kind model.Kind, key MatchKey, id RecordID, correlationID string) {
	t.Queue(`insert into match_keys (kind, attribute, value, record_id) values ($1, $2, $3, $4) on conflict do nothing`,
		kind, key.Attribute, key.Value, id)
	t.Queue(`with opened as (insert into reviews (kind, reason, connection, external_id, record_ids, path, subject, about, correlation_id)
		select m.kind, $5, '', '', array[m.record_id, $4], $2, pair.text, pair.text, $6
		from match_keys m, lateral (select least(m.record_id, $4) || '/' || greatest(m.record_id, $4)) as pair (text)
		where m.kind = $1 and m.attribute = $2 and m.value = $3 and m.record_id <> $4
		  and not exists (select 1 from reviews r where r.reason = $5 and r.kind = $1 and r.resolution = 'dismissed' and r.subject = pair.text)
		order by m.record_id limit 10 on conflict do nothing returning id, record_ids)
		insert into review_records select distinct unnest(record_ids), id from opened`,
		kind, key.Attribute, key.Value, id, SharedKey, correlationID)
}

// DropMatchKey queues the removal of a record's key.
func (t *Tx) DropMatchKey(kind model.Kind, key MatchKey, id RecordID) {
	t.Queue(`delete from match_keys where kind = $1 and attribute = $2 and value = $3 and record_id = $4`,
		kind, key.Attribute, key.Value, id)
}
