package mapping

import (
	"encoding/json"
	"regexp"

	"google.golang.org/protobuf/proto"
)

// TextOf makes a row of functions on a text; an empty one says nothing. write may be nil.
func TextOf(path string, fields []string, read func(*Reading) string, write func(string, Fields) string) Row {
	r := Row{Path: path, Fields: fields, Read: func(r *Reading, m proto.Message) {
		if v := read(r); v != "" {
			Set(m, path, v)
		}
	}}
	if write != nil {
		r.Write = func(m proto.Message, w Fields) string { return write(get(m, path), w) }
	}
	return r
}

// ValueOf maps a message, such as an amount or a time, that the vendor alone sets; nil says nothing.
func ValueOf[M proto.Message](path string, fields []string, read func(*Reading) M) Row {
	return Row{Path: path, Fields: fields, Read: func(r *Reading, m proto.Message) { Put(m, path, read(r)) }}
}

// Within has a row's fields be those of a part of the object: the one that find gives when it is read, and the one with these
// names, from the outside in, when it is written. What looks at the row's own fields (Required, AtMost) goes before it.
func (r Row) Within(find func(*Reading) map[string]json.RawMessage, names ...string) Row {
	read, write := r.Read, r.Write
	r.Fields = names[:1]
	r.Read = func(r *Reading, m proto.Message) {
		r.Instead(find(r), func() { read(r, m) })
	}
	if write == nil {
		return r
	}
	r.Write = func(m proto.Message, w Fields) string {
		for _, name := range names {
			w = Part(w, name)
		}
		return write(m, w)
	}
	return r
}

// currency is what a currency's code looks like, ISO 4217.
var currency = regexp.MustCompile(`^[A-Z]{3}$`)

// Currency maps a currency's code.
func Currency(path, field string) Row {
	row := Plain(path, field)
	read := row.Read
	row.Read = func(r *Reading, m proto.Message) {
		if raw := r.Text(field); raw != "" && !currency.MatchString(raw) {
			r.Unusable(raw, "it is no currency's code")
			return
		}
		read(r, m)
	}
	return row
}
