package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/canonhub/canonhub/hub/model"
)

// A list's cost is bounded, whatever is asked and however many records there are. Its page is made in one of two ways.
//
// Where one of the conditions has few records, by its index, these are looked through and sorted. Otherwise the index of
// the order is read on from where the last page ended, and each entry's record is checked: nothing is sorted then, and
// what is read ends with a page, or with the entries that one page may look through; the next page goes on from there.
// Either way conditions are checked record by record through primary keys: each check is a lateral or scalar sub-query
// with a limit, which the planner cannot turn into a join that reads all records of a condition.
//
// Rejected: leaving the choice to the planner, which does not know how values of different attributes go together and
// now and then reads all; and an index of each attribute in the default order, which is one row an attribute to write
// for each change of anything.
const (
	// fewRecords is how many a condition may have to be looked through and sorted for each page.
	fewRecords = 5_000
	// pageScan is how many entries of the order's index one page looks through.
	pageScan = 20_000
	// countScan is how many entries a count looks through.
	countScan = 100_000
)

// ListQuery asks for one page of records of a kind.
type ListQuery struct {
	Kind  model.Kind
	Where []Condition
	// OrderBy is UpdateTime where it is empty. Records without a value there are not listed.
	OrderBy    Field
	Descending bool
	// After is where the previous page ended.
	After *Position
	Limit int
	// Count asks for the size of the whole list.
	Count bool
}

// Position is a place in a list: a value of its order, and among equal ones a record.
type Position struct {
	Key model.Key
	ID  RecordID
}

// Page is a part of a list.
type Page struct {
	Records []*Record
	// Ends are the records' places: what follows one comes After it.
	Ends []Position
	// Next is where the next page begins; nil where this is the last. Records may be fewer than the limit, even none,
	// and yet be followed by more.
	Next *Position
	Size Size
}

// Size is how long a list is.
type Size struct {
	Records int
	// Exact says that there are no more than Records.
	Exact bool
}

// List reads a page of records; merged ones are left out. A record that is not changed between the first page and the
// last is on one of them, and once.
func (s *Store) List(ctx context.Context, q ListQuery) (*Page, error) {
	l := list{ListQuery: q}
	if l.OrderBy == "" {
		l.OrderBy = UpdateTime
	}
	page := &Page{}
	err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if err := l.measure(ctx, tx); err != nil {
			return err
		}
		if err := l.read(ctx, tx, page); err != nil {
			return err
		}
		if q.Count {
			return l.count(ctx, tx, &page.Size)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", q.Kind, err)
	}
	return page, nil
}

// list is a query on its way.
type list struct {
	ListQuery
	// sizes are the numbers of entries that the conditions have, capped; parallel to Where.
	sizes []int
}

// measure counts what the conditions have, as far as it matters.
func (l *list) measure(ctx context.Context, tx pgx.Tx) error {
	limit := fewRecords + 1
	if l.Count {
		limit = countScan + 1
	}
	l.sizes = make([]int, len(l.Where))
	sql := &query{}
	var into []any
	for i := range l.Where {
		l.sizes[i] = limit
		if l.Where[i].Absent || !l.Count && l.narrows(&l.Where[i]) {
			continue
		}
		if into == nil {
			sql.text("select ")
		} else {
			sql.text(", ")
		}
		sql.text("(select count(*) from (select ")
		l.Where[i].entries(sql, l.Kind)
		sql.text(" limit %d) as c)", limit)
		into = append(into, &l.sizes[i])
	}
	if into == nil {
		return nil
	}
	return tx.QueryRow(ctx, sql.String(), sql.args...).Scan(into...)
}

// smallest is the condition that has the fewest entries, -1 where none has so few.
func (l *list) smallest(atMost int) int {
	best := -1
	for i, size := range l.sizes {
		if size <= atMost && (best < 0 || size < l.sizes[best]) {
			best = i
		}
	}
	return best
}

// read fills a page.
func (l *list) read(ctx context.Context, tx pgx.Tx, page *Page) error {
	few := l.smallest(fewRecords)
	sql := &query{}
	sql.text(`select e.key, r.* from (`)
	if few >= 0 {
		l.lookThrough(sql, few)
	} else {
		l.scan(sql)
	}
	sql.text(`) as e cross join lateral (select ` + recordColumns + ` from records r where r.id = e.id`)
	l.check(sql, l.metBy(few))
	sql.text(` limit 1) as r order by e.key %[1]s, e.id %[1]s limit %[2]s`, l.direction(), sql.arg(l.Limit+1))
	rows, err := tx.Query(ctx, sql.String(), sql.args...)
	if err != nil {
		return err
	}
	page.Records, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (*Record, error) {
		var key orderKey
		r, err := scanRecord(prefixed{row, []any{&key}})
		if err == nil {
			page.Ends = append(page.Ends, Position{Key: model.Key(key), ID: r.ID})
		}
		return r, err
	})
	if err != nil {
		return err
	}
	if len(page.Records) > l.Limit { // one more told that there is a next page
		page.Records, page.Ends = page.Records[:l.Limit], page.Ends[:l.Limit]
		page.Next = &page.Ends[l.Limit-1]
		return nil
	}
	if few >= 0 {
		return nil
	}
	page.Next, err = l.scanned(ctx, tx)
	return err
}

// scan writes the entries of the order's index from the last page's end on.
func (l *list) scan(sql *query) {
	sql.text(`select `)
	key, id := l.narrowed().entries(sql, l.Kind)
	l.after(sql, key, id)
	sql.text(` order by %[1]s %[3]s, %[2]s %[3]s limit %[4]d`, key, id, l.direction(), pageScan)
}

// scanned is the last place that a page without a full number of records looked at; nil where it saw the end.
func (l *list) scanned(ctx context.Context, tx pgx.Tx) (*Position, error) {
	sql := &query{}
	sql.text(`select e.key, e.id from (`)
	l.scan(sql)
	sql.text(` offset %d) as e`, pageScan-1)
	var (
		key orderKey
		id  RecordID
	)
	err := tx.QueryRow(ctx, sql.String(), sql.args...).Scan(&key, &id)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return &Position{Key: model.Key(key), ID: id}, err
}

// lookThrough writes the entries of a condition that has few, with their keys in the order.
func (l *list) lookThrough(sql *query, few int) {
	sql.text(`select f.id, o.key from (select distinct f.id from (select `)
	l.Where[few].entries(sql, l.Kind)
	sql.text(` limit %d) as f) as f cross join lateral (select `, fewRecords)
	key, id := l.OrderBy.of(sql, "f.id")
	l.after(sql, key, id)
	sql.text(` limit 1) as o`)
}

// after writes that an entry comes after the last page's end.
func (l *list) after(sql *query, key, id string) {
	if l.After == nil {
		return
	}
	compare := ">"
	if l.Descending {
		compare = "<"
	}
	sql.text(` and (%s, %s) %s (%s, %s)`, key, id, compare, sql.arg(l.OrderBy.bound(l.After.Key)), sql.arg(l.After.ID))
}

func (l *list) direction() string {
	if l.Descending {
		return "desc"
	}
	return "asc"
}

// narrows says that a condition is met by where the order's index is read.
func (l *list) narrows(c *Condition) bool { return c.Field == l.OrderBy && !c.Absent && len(c.Any) < 2 }

// narrowed is the part of the order's index that the conditions on the order's own field leave.
func (l *list) narrowed() *Condition {
	part := &Condition{Field: l.OrderBy}
	for i := range l.Where {
		if c := &l.Where[i]; l.narrows(c) {
			part.Span = part.Span.And(c.span())
		}
	}
	return part
}

// check writes the conditions on a record r, but for those that its entry met.
func (l *list) check(sql *query, met func(int) bool) {
	sql.text(` and r.merged_into is null`)
	for i := range l.Where {
		if !met(i) {
			sql.text(` and `)
			l.Where[i].check(sql)
		}
	}
}

// count sizes the whole list, as far as a bounded number of entries tells.
func (l *list) count(ctx context.Context, tx pgx.Tx, size *Size) error {
	few := l.smallest(countScan)
	sql := &query{}
	size.Exact = few >= 0
	if size.Exact {
		sql.text(`select count(r.ok), 0 from (select distinct f.id from (select `)
		l.Where[few].entries(sql, l.Kind)
		sql.text(` limit %d) as f) as e`, countScan)
	} else {
		sql.text(`select count(r.ok), count(*) from (select `)
		l.narrowed().entries(sql, l.Kind)
		sql.text(` limit %d) as e`, countScan+1)
	}
	sql.text(` left join lateral (select true as ok from records r where r.id = e.id`)
	l.check(sql, l.metBy(few))
	if few >= 0 {
		sql.text(` and `)
		(&Condition{Field: l.OrderBy}).check(sql)
	}
	sql.text(` limit 1) as r on true`)
	var looked int
	if err := tx.QueryRow(ctx, sql.String(), sql.args...).Scan(&size.Records, &looked); err != nil {
		return err
	}
	size.Exact = size.Exact || looked <= countScan
	return nil
}

// metBy tells which conditions an entry meets: of condition few, or with -1 of the order's index as it is narrowed.
func (l *list) metBy(few int) func(int) bool {
	if few >= 0 {
		return func(i int) bool { return i == few }
	}
	return func(i int) bool { return l.narrows(&l.Where[i]) }
}
