package xero

import (
	"fmt"
	"net/url"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
)

// kind is one kind of object: its names on the wire and its mapping.
type kind struct {
	name    adapters.Kind
	one     string // "contact", for words
	many    string // "Contacts", in paths and answers
	id      string // "ContactID"
	message func() proto.Message
	rows    []row
	// sort is the field that says whether an object is one of ours at all; one that does not tell it is not read. May be empty.
	sort string
	// own are the fields that say nothing of the record.
	own []string
	// asked is what every read and write asks for, listed what lists ask for beside it: by it nothing ever leaves a list.
	asked, listed url.Values
	maxPage       int
	// gone says whether an object that can be read is out of use or no record's, whether it was erased, and what lives on.
	gone func(*object) end
	// recordID is the text that a create left there.
	recordID func(*object) string
	// create adds what a create needs, or says why there can be none.
	create func(a *api, recordID string, w fields) (missing string)
	// locked says why an object takes no change any more; empty where it does.
	locked func(*object) string
	// settle makes Xero's fields of what is written, given the object as it is, nil where it is made; or says of attributes
	// why they cannot be written.
	settle   func(a *api, now *object, w fields) (out fields, refused map[string]string)
	archives bool
	deletes  bool
	lacks    map[adapters.Ability]string
}

// end is how an object came to its end.
type end struct {
	gone, erased bool
	into         string
}

// fields are what is written, by Xero's names, or by those of this package where Xero's fields depend on each other.
type fields = map[string]any

// row maps one attribute.
type row struct {
	path string
	// field is where it is read from; several rows may share one.
	field string
	read  func(*reading, proto.Message)
	// write sets fields; empty clears. What it returns is why Xero cannot hold the value. Nil where Xero alone sets it.
	write func(proto.Message, fields) (refusal string)
	// onCreate says that an update does not set it.
	onCreate bool
	// loss is what is lost where Xero holds the attribute less exactly.
	loss string
}

// mapped makes a row of functions on the kind's own message.
func mapped[M proto.Message](path, field string, read func(*reading, M), write func(M, fields) string) row {
	r := row{path: path, field: field, read: func(r *reading, m proto.Message) { read(r, m.(M)) }}
	if write != nil {
		r.write = func(m proto.Message, w fields) string { return write(m.(M), w) }
	}
	return r
}

// plain maps a text of a bounded length that may be empty.
func plain[M proto.Message](path, field string, most int, get func(M) string, set func(M, string)) row {
	return mapped(path, field,
		func(r *reading, m M) {
			if v := r.text(field); v != "" {
				set(m, v)
			}
		},
		func(m M, w fields) string {
			w[field] = get(m)
			return tooLong(get(m), most)
		})
}

func tooLong(text string, most int) string {
	if utf8.RuneCountInString(text) > most {
		return fmt.Sprintf("Xero keeps %d characters", most)
	}
	return ""
}

func (r row) losing(what string) row {
	r.loss = what
	return r
}

func (r row) onCreateAlone() row {
	r.onCreate = true
	return r
}

// required makes clearing a refusal.
func (r row) required(why string) row {
	write := r.write
	r.write = func(m proto.Message, w fields) string {
		if refusal := write(m, w); refusal != "" {
			return refusal
		}
		if blank(w) {
			return why
		}
		return ""
	}
	return r
}

// blank says that a value is none.
func blank(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case string:
		return value == ""
	case []any:
		return len(value) == 0
	case fields:
		for _, part := range value {
			if !blank(part) {
				return false
			}
		}
		return true
	}
	return false
}

// carriage is the mapping as the contract tells it.
func (k *kind) carriage() adapters.Carriage {
	c := adapters.Carriage{Kind: k.name, Create: true, Archive: k.archives, Losses: map[string]string{}, Lacks: k.lacks,
		Pull: adapters.Pull{MaxPage: k.maxPage, Changes: true, Deletes: k.deletes, Lag: lag}}
	for _, r := range k.rows {
		c.In = append(c.In, r.path)
		switch {
		case r.onCreate:
			c.OnCreate = append(c.OnCreate, r.path)
		case r.write != nil:
			c.Out = append(c.Out, r.path)
		}
		if r.loss != "" {
			c.Losses[r.path] = r.loss
		}
	}
	return c
}

// kinds are those that are carried.
var kinds = map[adapters.Kind]*kind{customer: contacts, invoice: invoices}
