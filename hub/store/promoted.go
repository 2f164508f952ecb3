package store

import (
	"github.com/canonhub/canonhub/hub/model"
)

// PutPromoted queues what lists are to know of the named attributes of a record, in one statement; nothing where none of
// them is promoted.
func (t *Tx) PutPromoted(r *Record, attributes []model.Path) {
	names, entries := model.For(r.Kind).Index(r.Message, attributes)
	if len(names) == 0 {
		return
	}
	paths, keys := make([]string, len(entries)), make([][]byte, len(entries))
	for i, e := range entries {
		paths[i], keys[i] = string(e.Path), e.Key
	}
	t.Queue(`with wanted as (
			select distinct * from unnest($4::text[], $5::bytea[]) as w (attribute, value)
		), gone as (
			delete from promoted_attributes p where p.record_id = $1 and p.attribute = any($3::text[])
				and not exists (select from wanted w where w.attribute = p.attribute and w.value = p.value)
		)
		insert into promoted_attributes (kind, attribute, value, record_id) select $2, attribute, value, $1 from wanted
		on conflict do nothing`, r.ID, r.Kind, names, paths, keys)
}
