// Package mapping is the table of one kind of object: a row an attribute, each with the vendor's fields that hold it. All
// that follows from the table alone is here: what is carried, what an object says, what a patch writes, and whether
// somebody changed meanwhile what is about to be written.
//
// Rows name attributes by their path and find them in messages by reflection, so that a row of a plain field is one line.
// What a vendor has of its own is a function in a row; nothing here knows any vendor.
package mapping

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
)

// Kind is the table of one kind of object.
type Kind struct {
	Name adapters.Kind
	// Vendor is what refusals call it: "HubSpot".
	Vendor string
	// Message makes an empty message of the kind.
	Message func() proto.Message
	Rows    []Row
	// Own are fields that are known and say nothing of the record.
	Own []string
	// Sparse says that the vendor leaves out fields without a value: one that is not there is empty.
	Sparse bool
	// IsID says that a text may be the id of such an object.
	IsID func(string) bool
	// Guarded says that patches keep what was held, for a comparison before the write.
	Guarded bool
	// Complete gives what a create needs beside its attributes, or says why there can be none. May be nil.
	Complete func(p adapters.Patch, written Fields) (also Fields, missing string)
}

// Row maps one attribute.
type Row struct {
	Path string
	// Fields hold it; several rows may share one. The observation speaks of the attribute where the object has them all.
	Fields []string
	// Read takes the attribute from the fields.
	Read func(*Reading, proto.Message)
	// Write sets fields; empty texts and nil clear. A refusal is why the vendor cannot hold the value. Nil where the vendor
	// alone sets the attribute.
	Write func(proto.Message, Fields) (refusal string)
	// WriteKey is Write for a row whose Path ends in ".*": of one attribute below it, by its name.
	WriteKey func(m proto.Message, key string, w Fields) (refusal string)
	// OnCreate says that an update cannot set it.
	OnCreate bool
	// Loss is what is lost where the vendor holds the attribute less exactly, in one sentence.
	Loss string
}

// Of makes a row of functions on the kind's own message.
func Of[M proto.Message](path string, fields []string, read func(*Reading, M), write func(M, Fields) string) Row {
	r := Row{Path: path, Fields: fields, Read: func(r *Reading, m proto.Message) { read(r, m.(M)) }}
	if write != nil {
		r.Write = func(m proto.Message, w Fields) string { return write(m.(M), w) }
	}
	return r
}

// WrittenBy has a function on the kind's own message write the attribute.
func WrittenBy[M proto.Message](r Row, write func(M, Fields) string) Row {
	r.Write = func(m proto.Message, w Fields) string { return write(m.(M), w) }
	return r
}

// ReadBy has a function on the kind's own message read the attribute.
func ReadBy[M proto.Message](r Row, read func(*Reading, M)) Row {
	r.Read = func(r *Reading, m proto.Message) { read(r, m.(M)) }
	return r
}

// Losing says what is lost.
func (r Row) Losing(what string) Row {
	r.Loss = what
	return r
}

// ReadOnly leaves the attribute to the vendor.
func (r Row) ReadOnly() Row {
	r.Write = nil
	return r
}

// ReadOnly leaves attributes to the vendor. What would be lost of them was about writing.
func ReadOnly(rows []Row) []Row {
	rows = slices.Clone(rows)
	for i, row := range rows {
		rows[i] = row.ReadOnly().Losing("")
	}
	return rows
}

// CreateOnly has creates alone set it.
func (r Row) CreateOnly() Row {
	r.OnCreate = true
	return r
}

// Required makes clearing a refusal.
func (r Row) Required(why string) Row {
	return r.writing(func(w Fields) string {
		if Blank(w[r.Fields[0]]) {
			return why
		}
		return ""
	})
}

// writing looks at what was written, and may change or refuse it.
func (r Row) writing(look func(Fields) string) Row {
	write := r.Write
	r.Write = func(m proto.Message, w Fields) string {
		if refusal := write(m, w); refusal != "" {
			return refusal
		}
		return look(w)
	}
	return r
}

// Carriage is the table as the contract tells it. What else a kind can do is the adapter's to say.
func (k *Kind) Carriage() adapters.Carriage {
	c := adapters.Carriage{Kind: k.Name, Losses: map[string]string{}}
	for _, r := range k.Rows {
		c.In = append(c.In, r.Path)
		switch {
		case r.OnCreate:
			c.OnCreate = append(c.OnCreate, r.Path)
		case r.Write != nil || r.WriteKey != nil:
			c.Out = append(c.Out, r.Path)
		}
		if r.Loss != "" {
			c.Losses[r.Path] = r.Loss
		}
	}
	return c
}

// Asked are the fields of the rows, each once, sorted.
func (k *Kind) Asked() []string {
	var all []string
	for _, r := range k.Rows {
		all = append(all, r.Fields...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Refuse adds to a fault that a field was not taken: of those attributes among the ones being written that it holds. False
// where it holds none of them.
func (k *Kind) Refuse(f *fault.Error, field, why string, writing []string) bool {
	named := false
	for _, r := range k.Rows {
		if r.Write != nil && slices.Contains(r.Fields, field) && slices.Contains(writing, r.Path) {
			named = true
			f.Refuse(r.Path, why)
		}
	}
	return named
}

// NotCarried is the failure to do something with a kind that has no table.
func NotCarried(op string) *fault.Error {
	return &fault.Error{Category: fault.Permanent, Op: op, Message: "this kind is not carried"}
}
