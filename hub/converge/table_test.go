package converge_test

import (
	"cmp"
	"maps"
	"slices"
)

// undo takes back one change of a transaction.
type undo func()

// table is rows by key. What a transaction puts is taken back where it does not commit; rows themselves are never
// changed in place.
type table[K comparable, V any] struct {
	rows map[K]V
	keys []K // in the order in which they were put first
}

func (t *table[K, V]) get(key K) (V, bool) {
	row, there := t.rows[key]
	return row, there
}

func (t *table[K, V]) put(tx *tx, key K, row V) {
	if t.rows == nil {
		t.rows = map[K]V{}
	}
	before, there := t.rows[key]
	t.rows[key] = row
	if there {
		tx.undo = append(tx.undo, func() { t.rows[key] = before })
		return
	}
	keys := t.keys
	t.keys = append(slices.Clip(t.keys), key)
	tx.undo = append(tx.undo, func() { delete(t.rows, key); t.keys = keys })
}

func (t *table[K, V]) drop(tx *tx, key K) {
	before, there := t.rows[key]
	if !there {
		return
	}
	keys := t.keys
	delete(t.rows, key)
	t.keys = slices.DeleteFunc(slices.Clone(keys), func(k K) bool { return k == key })
	tx.undo = append(tx.undo, func() { t.rows[key] = before; t.keys = keys })
}

// each calls do for the rows, in the order in which they were put first. do may change the table.
func (t *table[K, V]) each(do func(K, V)) {
	for _, key := range t.keys {
		if row, there := t.rows[key]; there {
			do(key, row)
		}
	}
}

// sorted are the keys of a map in order.
func sorted[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
