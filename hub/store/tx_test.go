package store_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/canonhub/canonhub/hub/store"
)

// Transactions plan statements once a connection, however they begin, and leave connections as they were.
func TestTransactionsUseGenericPlans(t *testing.T) {
	t.Parallel()
	db := setup(t, nil)
	const show = "show plan_cache_mode"
	for name, look := range map[string]func(*store.Tx, *string) error{
		"with a batch": func(tx *store.Tx, mode *string) error {
			return tx.Read(t.Context(), func(b *pgx.Batch) {
				b.Queue(show).QueryRow(func(row pgx.Row) error { return row.Scan(mode) })
			})
		},
		"with a statement of the queue": func(tx *store.Tx, mode *string) error {
			sql, err := tx.SQL(t.Context())
			if err != nil {
				return err
			}
			return sql.QueryRow(t.Context(), show).Scan(mode)
		},
	} {
		var mode, after string
		must(t, db.InTx(t.Context(), func(tx *store.Tx) error { return look(tx, &mode) }))
		must(t, db.Pool().QueryRow(t.Context(), show).Scan(&after))
		if mode != "force_generic_plan" || after != "auto" {
			t.Errorf("a transaction that begins %s has plans %s, and leaves %s", name, mode, after)
		}
	}
}
