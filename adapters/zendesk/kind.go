package zendesk

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
)

// kind is one kind of object: its names on the wire and its mapping.
type kind struct {
	name      adapters.Kind
	one, many string // "ticket", "tickets"
	// lookup lists the objects that carry a record's id, by its parameter lookupBy.
	lookup, lookupBy string
	message          func() proto.Message
	rows             []row
	// own are the fields that say nothing of the record.
	own []string
	// gone says whether an object that can be read is deleted, or no record's, and whether it was erased.
	gone func(*object) (gone, erased bool)
	// complete adds what a create needs, or says why there can be none.
	complete func(fields map[string]any) string
	// archives says that what is deleted can be taken back.
	archives bool
	lacks    map[adapters.Ability]string
}

// row maps one attribute.
type row struct {
	path string
	// field is read; the observation speaks of the attribute where the object has it.
	field string
	read  func(*reading, proto.Message)
	// write sets fields; null clears. What it returns is why Zendesk cannot hold the value. Nil where Zendesk alone sets it.
	write func(proto.Message, map[string]any) (refusal string)
	// onCreate says that an update cannot set it.
	onCreate bool
	// loss is what is lost where Zendesk holds the attribute less exactly.
	loss string
}

// mapped makes a row of functions on the kind's own message.
func mapped[M proto.Message](path, field string, read func(*reading, M), write func(M, map[string]any) string) row {
	r := row{path: path, field: field, read: func(r *reading, m proto.Message) { read(r, m.(M)) }}
	if write != nil {
		r.write = func(m proto.Message, fields map[string]any) string { return write(m.(M), fields) }
	}
	return r
}

// plain maps a text that may be empty.
func plain[M proto.Message](path, field string, get func(M) string, set func(M, string)) row {
	return mapped(path, field,
		func(r *reading, m M) {
			if v := r.text(field); v != "" {
				set(m, v)
			}
		},
		func(m M, fields map[string]any) string {
			fields[field] = get(m)
			return ""
		})
}

// labels maps tags.
func labels[M proto.Message](get func(M) []string, set func(M, []string)) row {
	r := mapped("tags", "tags",
		func(r *reading, m M) {
			if tags, ok := r.list("tags"); ok {
				set(m, tags)
			}
		},
		func(m M, fields map[string]any) string {
			fields["tags"] = tidy(get(m))
			return ""
		})
	r.loss = "Zendesk keeps tags in lower case and in its own order, each once, with _ for blanks."
	return r
}

// tidy are tags as Zendesk keeps them, in one order.
func tidy(tags []string) []string {
	out := []string{}
	for _, tag := range tags {
		out = append(out, strings.ToLower(strings.Join(strings.Fields(tag), "_")))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (r row) losing(what string) row {
	r.loss = what
	return r
}

// required makes clearing a refusal.
func (r row) required(why string) row {
	write := r.write
	r.write = func(m proto.Message, fields map[string]any) string {
		if refusal := write(m, fields); refusal != "" {
			return refusal
		}
		if v := fields[r.field]; v == nil || v == "" {
			return why
		}
		return ""
	}
	return r
}

// carriage is the mapping as the contract tells it.
func (k *kind) carriage() adapters.Carriage {
	c := adapters.Carriage{Kind: k.name, Create: true, Archive: k.archives, Pull: pulls, Losses: map[string]string{}, Lacks: k.lacks}
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
var kinds = map[adapters.Kind]*kind{ticket: tickets, customer: users}
