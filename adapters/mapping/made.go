package mapping

import "google.golang.org/protobuf/proto"

// TextOf makes a row of functions on a text; an empty one says nothing. write may be nil.
func TextOf(path string, fields []string, read func(*Reading) string, write func(string, Fields) string) Row {
	r := Row{Path: path, Fields: fields, Read: func(r *Reading, m proto.Message) {
		if v := read(r); v != "" {
			set(m, path, v)
		}
	}}
	if write != nil {
		r.Write = func(m proto.Message, w Fields) string { return write(get(m, path), w) }
	}
	return r
}

// ValueOf maps a message, such as an amount or a time, that the vendor alone sets; nil says nothing.
func ValueOf[M proto.Message](path string, fields []string, read func(*Reading) M) Row {
	return Row{Path: path, Fields: fields, Read: func(r *Reading, m proto.Message) { put(m, path, read(r)) }}
}
