package store

import (
	"crypto/sha256"

	"github.com/jackc/pgx/v5"
)

// objectHash is what an erased object is known by.
func objectHash(key LinkKey) []byte {
	sum := sha256.Sum256([]byte(objectName(key)))
	return sum[:]
}

// readErased queues the question whether an object's record was erased.
func readErased(batch *pgx.Batch, c *Contact, key LinkKey) {
	batch.Queue(`select exists (select 1 from erasures where object_sha256 = $1)`, objectHash(key)).
		QueryRow(func(row pgx.Row) error { return row.Scan(&c.Erased) })
}
