package sandbox

import (
	"cmp"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"
)

// Object is a row as the org keeps it.
type Object struct {
	// ID has 18 characters.
	ID string
	// Fields as they were written; values are nil, text, bool or, for numbers, plain decimal text.
	Fields map[string]any
	// Created, Modified and Stamp are CreatedDate, LastModifiedDate and SystemModstamp.
	Created, Modified, Stamp time.Time
	// Deleted says that it is in the bin.
	Deleted bool
}

// Text is a field that is a text; empty where it is none.
func (o *Object) Text(name string) string {
	text, _ := o.Fields[name].(string)
	return text
}

func (o *Object) clone() Object {
	copied := *o
	copied.Fields = maps.Clone(o.Fields)
	return copied
}

// table is all rows of an object.
type table struct {
	name   string
	prefix string
	fields map[string]field
	last   int
	rows   map[string]*Object
}

func newTable(name string, o Options, n int) *table {
	return &table{name: name, prefix: schemas[name].prefix, fields: fieldsOf(name, o), last: 3_000_000 + 1000*n, rows: map[string]*Object{}}
}

// id is the next id. Ids count with digits, capitals and small letters, so that neighbours differ in letter case alone.
func (t *table) id() string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	t.last++
	text := ""
	for n := t.last; n > 0; n /= len(digits) {
		text = string(digits[n%len(digits)]) + text
	}
	return checked(t.prefix + "5e" + strings.Repeat("0", 10-len(text)) + text)
}

// checked adds the characters that tell an id's letter case.
func checked(id string) string {
	sum := ""
	for part := range 3 {
		n := 0
		for i, c := range id[part*5 : part*5+5] {
			if c >= 'A' && c <= 'Z' {
				n += 1 << i
			}
		}
		sum += string("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[n])
	}
	return id + sum
}

// row is one that is there, be it in the bin; ids of 15 characters do as well.
func (t *table) row(id string) *Object {
	if len(id) == 15 {
		id = checked(id)
	}
	return t.rows[id]
}

// sorted are all rows by id.
func (t *table) sorted() []*Object {
	all := make([]*Object, 0, len(t.rows))
	for _, id := range sortedKeys(t.rows) {
		all = append(all, t.rows[id])
	}
	return all
}

// insert stores a row, and can be taken back.
func (s *Server) insert(name string, fields map[string]any) *Object {
	t, now := s.tables[name], s.now()
	o := &Object{ID: t.id(), Fields: map[string]any{}, Created: now, Modified: now, Stamp: now}
	maps.Copy(o.Fields, fields)
	if _, owned := t.fields["OwnerId"]; owned && o.Fields["OwnerId"] == nil {
		o.Fields["OwnerId"] = s.tables["User"].sorted()[0].ID
	}
	switch name {
	case "Case":
		o.Fields["CaseNumber"] = fmt.Sprintf("%08d", 1000+len(t.rows))
		o.Fields["Status"] = cmp.Or(o.Fields["Status"], any("New"))
	case "Order":
		o.Fields["OrderNumber"] = fmt.Sprintf("%08d", 100+len(t.rows))
	}
	t.rows[o.ID] = o
	s.undoing(func() { delete(t.rows, o.ID) })
	s.settle(name, o)
	return o
}

// set changes fields. Every write moves the stamp, be it that nothing becomes another.
func (s *Server) set(name string, o *Object, fields map[string]any) {
	before := o.clone()
	s.undoing(func() { *o = before })
	maps.Copy(o.Fields, fields)
	o.Modified, o.Stamp = s.now(), s.now()
	s.settle(name, o)
}

func (s *Server) undoing(f func()) { s.journal = append(s.journal, f) }

// settle keeps what follows from other fields.
func (s *Server) settle(name string, o *Object) {
	switch name {
	case "Contact":
		o.Fields["Name"] = strings.TrimSpace(o.Text("FirstName") + " " + o.Text("LastName"))
	case "Case":
		closed := o.Text("Status") == "Closed" || slices.Contains(s.options.Closed, o.Text("Status"))
		switch o.Fields["IsClosed"] = closed; {
		case !closed:
			o.Fields["ClosedDate"] = nil
		case o.Fields["ClosedDate"] == nil:
			o.Fields["ClosedDate"] = stamp(s.now())
		}
	case "Order":
		o.Fields["StatusCode"] = "Draft"
		if o.Text("Status") != "Draft" {
			o.Fields["StatusCode"] = "Activated"
		}
		o.Fields["TotalAmount"] = cmp.Or(o.Fields["TotalAmount"], any("0"))
	case "OrderItem":
		o.Fields["TotalPrice"] = times(o.Text("Quantity"), o.Text("UnitPrice"))
		s.total(o.Text("OrderId"))
	}
}

// total adds an order's products up. Nobody is told as the one who did it: the stamp alone moves.
func (s *Server) total(order string) {
	o := s.tables["Order"].row(order)
	if o == nil {
		return
	}
	sum := "0"
	for _, item := range s.tables["OrderItem"].sorted() {
		if item.Fields["OrderId"] == o.ID && !item.Deleted {
			sum = plus(sum, item.Text("TotalPrice"))
		}
	}
	if o.Fields["TotalAmount"] == sum {
		return
	}
	before := o.clone()
	s.undoing(func() { *o = before })
	o.Fields["TotalAmount"], o.Stamp = sum, s.now()
}

// places is how many fractional digits sums have at most.
const places = 9

func times(a, b string) string { return plain(new(big.Rat).Mul(rat(a), rat(b))) }

func plus(a, b string) string { return plain(new(big.Rat).Add(rat(a), rat(b))) }

func rat(text string) *big.Rat {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return new(big.Rat)
	}
	return r
}

func plain(r *big.Rat) string {
	text := strings.TrimRight(r.FloatString(places), "0")
	return strings.TrimSuffix(text, ".")
}

// bin moves a row to the bin, or takes it back.
func (s *Server) bin(name string, o *Object, in bool) {
	before := o.clone()
	s.undoing(func() { *o = before })
	o.Deleted, o.Modified, o.Stamp = in, s.now(), s.now()
	if name == "OrderItem" {
		s.total(o.Text("OrderId"))
	}
}

// wire is how the API writes a time.
const wire = "2006-01-02T15:04:05.000-0700"

func stamp(t time.Time) string { return t.UTC().Format(wire) }
