package salesforce

import (
	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
)

// kind is one kind of object: its names on the wire and its mapping.
type kind struct {
	name    adapters.Kind
	sobject string // "Contact"
	// prefix is what ids begin with, of a kind whose rows may be found.
	prefix  string
	message func() proto.Message
	rows    []row
	// children is the part of a query that reads what belongs to the object; empty where nothing does.
	children string
	// page is the largest page of a pull.
	page int
	// merges says that a row that is gone may name the one that lives on.
	merges bool
	// complete adds what a create needs, or says why there can be none.
	complete func(fields map[string]any) string
	archives bool
	lacks    map[adapters.Ability]string
}

// row maps one attribute.
type row struct {
	path string
	// fields are read; "Account.Name" is a field of another object.
	fields []string
	read   func(*reading, proto.Message)
	// write sets fields; null clears. What it returns is why Salesforce cannot hold the value. Nil where it cannot be set.
	write func(proto.Message, map[string]any) (refusal string)
	// onCreate says that an update cannot set it.
	onCreate bool
	// refers says that it leads to another row.
	refers bool
	// loss is what is lost where Salesforce holds the attribute less exactly.
	loss string
}

// mapped makes a row of functions on the kind's own message.
func mapped[M proto.Message](path string, fields []string, read func(*reading, M), write func(M, map[string]any) string) row {
	r := row{path: path, fields: fields, read: func(r *reading, m proto.Message) { read(r, m.(M)) }}
	if write != nil {
		r.write = func(m proto.Message, fields map[string]any) string { return write(m.(M), fields) }
	}
	return r
}

// plain maps a text that may be empty.
func plain[M proto.Message](path, field string, get func(M) string, set func(M, string)) row {
	return mapped(path, []string{field},
		func(r *reading, m M) {
			if v := r.text(field); v != "" {
				set(m, v)
			}
		},
		func(m M, fields map[string]any) string {
			fields[field] = null(get(m))
			return ""
		})
}

// null is a text as Salesforce takes it: null clears.
func null(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func (r row) losing(what string) row {
	r.loss = what
	return r
}

func (r row) creating() row {
	r.onCreate = true
	return r
}

func (r row) referring() row {
	r.refers = true
	return r
}

// required makes clearing a refusal.
func (r row) required(why string) row {
	write := r.write
	r.write = func(m proto.Message, fields map[string]any) string {
		if refusal := write(m, fields); refusal != "" {
			return refusal
		}
		if fields[r.fields[0]] == nil {
			return why
		}
		return ""
	}
	return r
}

// asked are the fields that every read asks for.
func (k *kind) asked(external string) []string {
	out := []string{"Id", "SystemModstamp", "LastModifiedDate", "IsDeleted", external}
	if k.merges {
		out = append(out, "MasterRecordId")
	}
	seen := map[string]bool{}
	for _, r := range k.rows {
		for _, field := range r.fields {
			if !seen[field] && field != childrenField {
				out = append(out, field)
			}
			seen[field] = true
		}
	}
	if k.children != "" {
		out = append(out, k.children)
	}
	return out
}

// holders are the attributes that a field holds and that can be written.
func (k *kind) holders(field string) (paths []string) {
	for _, r := range k.rows {
		for _, held := range r.fields {
			if r.write != nil && held == field {
				paths = append(paths, r.path)
			}
		}
	}
	return paths
}

// polled is why there are no webhooks.
const polled = "Salesforce sends nothing that is signed; changes are polled."

// carriage is the mapping as the contract tells it.
func (k *kind) carriage() adapters.Carriage {
	c := adapters.Carriage{
		Kind: k.name, Create: true, Archive: k.archives, Losses: map[string]string{},
		Pull:  adapters.Pull{MaxPage: k.page, Changes: true, Deletes: true, Lag: lag},
		Lacks: map[adapters.Ability]string{adapters.Webhooks: polled, adapters.DeleteWebhooks: polled},
	}
	for ability, why := range k.lacks {
		c.Lacks[ability] = why
	}
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
