package hubtest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/canonhub/canonhub/hub/store"
)

// Dump is all that a database holds, column by column, the queue's tables included.
type Dump struct {
	columns map[string][][]byte
}

// DumpOf reads every column of every table of a database.
func DumpOf(t testing.TB, db *store.Store) Dump {
	t.Helper()
	ctx := context.Background()
	d := Dump{columns: map[string][][]byte{}}
	rows, err := db.Pool().Query(ctx, `select c.oid::regclass::text, quote_ident(a.attname), format_type(a.atttypid, null)
		from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
		where c.relkind in ('r', 'p', 'm') and n.nspname not like 'pg\_%' and n.nspname <> 'information_schema'
		  and a.attnum > 0 and not a.attisdropped`)
	must(t, err)
	type column struct{ Table, Name, Type string }
	columns, err := pgx.CollectRows(rows, pgx.RowToStructByPos[column])
	must(t, err)
	for _, c := range columns {
		text := c.Name + "::text"
		if c.Type == "bytea" {
			text = "encode(" + c.Name + ", 'escape')" // printable characters stand for themselves
		}
		rows, err := db.Pool().Query(ctx, `select v from (select `+text+`, `+c.Name+`::text from `+c.Table+`) as t (a, b), unnest(array[a, b]) as v where v is not null`)
		must(t, err)
		values, err := pgx.CollectRows(rows, pgx.RowTo[string])
		must(t, err)
		for _, v := range values {
			d.columns[c.Table+"."+c.Name] = append(d.columns[c.Table+"."+c.Name], bytes.ToLower([]byte(v)), []byte(v))
		}
	}
	return d
}

// Find tells which columns hold a value, in any case: as it is, as hexadecimal digits, or as base64 of a text that it is
// part of.
func (d Dump) Find(value string) []string {
	var found []string
	looks := forms(value)
	for column, values := range d.columns {
		if slices.ContainsFunc(values, func(v []byte) bool { return holds(v, looks) }) {
			found = append(found, column)
		}
	}
	slices.Sort(found)
	return found
}

// Count is how often a value is there.
func (d Dump) Count(value string) (n int) {
	looks := forms(value)
	for _, values := range d.columns {
		for _, v := range values {
			if holds(v, looks) {
				n++
			}
		}
	}
	return n
}

func holds(text []byte, looks [][]byte) bool {
	return slices.ContainsFunc(looks, func(look []byte) bool { return bytes.Contains(text, look) })
}

// forms are what a value looks like as it is, in hexadecimal and, wherever it stands, in base64.
func forms(value string) [][]byte {
	all := [][]byte{[]byte(strings.ToLower(value)), []byte(hex.EncodeToString([]byte(value))), []byte(hex.EncodeToString([]byte(strings.ToLower(value))))}
	for before := range 3 {
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			text := encoding.EncodeToString([]byte(strings.Repeat("\x00", before) + value))
			// The first and last characters depend on what is beside it.
			all = append(all, []byte(text[(before*8+5)/6:(before+len(value))*8/6]))
		}
	}
	return all
}

// String tells how large it is.
func (d Dump) String() string {
	n := 0
	for _, values := range d.columns {
		n += len(values) / 2
	}
	return fmt.Sprintf("%d values in %d columns", n, len(d.columns))
}
