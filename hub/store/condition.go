package store

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/canonhub/canonhub/hub/model"
)

// Field is what lists are filtered and ordered by: one of the record's own, below, or a promoted attribute by its name.
type Field string

// The record's own fields.
const (
	UpdateTime Field = "update_time"
	CreateTime Field = "create_time"
	// DeleteTime is there while the record is deleted.
	DeleteTime Field = "delete_time"
	// Placeholder is there while the record is one. Nothing is ordered by it.
	Placeholder Field = "placeholder"
)

// columns are those of the record's own fields.
var columns = map[Field]string{UpdateTime: "updated_at", CreateTime: "created_at", DeleteTime: "deleted_at", Placeholder: "placeholder"}

// Condition is one that a record must meet: that a field has a value, or one of some values.
type Condition struct {
	Field Field
	// Any are values of which it must have one; none means one in Span. They are for attributes alone.
	Any []model.Key
	// Span is where a value must be; the zero Span is all.
	Span model.Span
	// Absent says that there must be no value at all. It is for DeleteTime and Placeholder alone.
	Absent bool
}

// span is a condition of at most one value as a span.
func (c *Condition) span() model.Span {
	if len(c.Any) > 0 {
		return model.Exactly(c.Any[0])
	}
	return c.Span
}

// entries writes what stands behind `select` to read the index entries that meet the condition: key and id, from where.
// It returns the names of both.
func (c *Condition) entries(sql *query, kind model.Kind) (key, id string) {
	if column, own := columns[c.Field]; own {
		sql.text(`%s as key, id from records where kind = %s`, column, sql.arg(string(kind)))
		c.values(sql, column)
		return column, "id"
	}
	sql.text(`value as key, record_id as id from promoted_attributes where kind = %s and attribute = %s`, sql.arg(string(kind)), sql.arg(string(c.Field)))
	c.values(sql, "value")
	return "value", "record_id"
}

// check writes the condition on a record r.
func (c *Condition) check(sql *query) {
	column, own := columns[c.Field]
	switch {
	case c.Field == Placeholder && c.Absent:
		sql.text(`not r.placeholder`)
	case c.Absent:
		sql.text(`r.%s is null`, column)
	case own:
		sql.text(`true`)
		c.values(sql, "r."+column)
	default:
		sql.text(`(select true from promoted_attributes c where c.record_id = r.id and c.attribute = %s`, sql.arg(string(c.Field)))
		c.values(sql, "c.value")
		sql.text(` limit 1)`)
	}
}

// values writes what must hold of a column.
func (c *Condition) values(sql *query, column string) {
	switch {
	case c.Field == Placeholder:
		sql.text(` and %s`, column)
		return
	case c.Field == DeleteTime:
		sql.text(` and %s is not null`, column) // as the index has it
	}
	if len(c.Any) == 1 {
		sql.text(` and %s = %s`, column, sql.arg([]byte(c.Any[0])))
		return
	}
	if len(c.Any) > 1 {
		values := make([][]byte, len(c.Any))
		for i, k := range c.Any {
			values[i] = k
		}
		sql.text(` and %s = any(%s)`, column, sql.arg(values))
		return
	}
	if from := c.Field.bound(c.Span.From); from != nil {
		sql.text(` and %s >= %s`, column, sql.arg(from))
	}
	if until := c.Field.bound(c.Span.Until); until != nil {
		sql.text(` and %s < %s`, column, sql.arg(until))
	}
}

// of writes what stands behind `select` to read a record's key in the order of f, and returns the names of key and id.
func (f Field) of(sql *query, id string) (key, of string) {
	if column, own := columns[f]; own {
		sql.text(`o.%[1]s as key from records o where o.id = %[2]s and o.%[1]s is not null`, column, id)
		return "o." + column, "o.id"
	}
	sql.text(`o.value as key from promoted_attributes o where o.record_id = %s and o.attribute = %s`, id, sql.arg(string(f)))
	return "o.value", "o.record_id"
}

// bound is a key as the field's column has it; nil where it bounds nothing. Times in columns are whole microseconds: a
// bound between two of them is the later one.
func (f Field) bound(k model.Key) any {
	if k == nil {
		return nil
	}
	if _, own := columns[f]; !own {
		return []byte(k)
	}
	t, ok := k.Time()
	if !ok {
		return nil
	}
	if rest := t.Nanosecond() % 1000; rest != 0 {
		t = t.Add(time.Duration(1000 - rest))
	}
	return t
}

// orderKey scans a column that a list is ordered by.
type orderKey model.Key

// Scan takes a time of a record, or a value of the index.
func (k *orderKey) Scan(value any) error {
	switch v := value.(type) {
	case time.Time:
		*k = orderKey(model.TimeKey(v))
	case []byte:
		*k = bytes.Clone(v)
	default:
		return fmt.Errorf("no key of an order: %T", value)
	}
	return nil
}

// query is SQL that is put together of fixed pieces; whatever comes from outside is an argument.
type query struct {
	strings.Builder
	args []any
}

func (s *query) text(format string, pieces ...any) { fmt.Fprintf(s, format, pieces...) }

func (s *query) arg(value any) string {
	s.args = append(s.args, value)
	return fmt.Sprintf("$%d", len(s.args))
}
