package salesforce

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/mapping"
)

// kind is one kind of object: its names on the wire and its mapping.
type kind struct {
	mapping.Kind
	sobject string // "Contact"
	// prefix is what ids begin with, of a kind whose rows may be found.
	prefix string
	// children is the part of a query that reads what belongs to the object; empty where nothing does.
	children string
	// refers is the attribute that leads to another row; empty for none.
	refers string
	// page is the largest page of a pull, where it is not maxPage.
	page  int
	lacks map[adapters.Ability]string
	// asked are the fields that every read asks for; "Account.Name" is a field of another object.
	asked []string
}

// made adds to a kind what all have.
func (o *org) made(k *kind) *kind {
	k.Vendor, k.IsID, k.Guarded, k.page = "Salesforce", isWord, true, cmp.Or(k.page, maxPage)
	k.asked = append(k.Asked(), "Id", "SystemModstamp", "LastModifiedDate", "IsDeleted", o.external)
	if k.can(adapters.Merges) {
		k.asked = append(k.asked, "MasterRecordId")
	}
	k.Own = []string{"attributes"}
	for _, field := range k.asked {
		known, _, _ := strings.Cut(field, ".")
		k.Own = append(k.Own, known)
	}
	slices.Sort(k.asked)
	k.asked = slices.Compact(k.asked)
	if k.children != "" {
		k.asked[slices.Index(k.asked, childrenField)] = k.children
	}
	return k
}

func (k *kind) can(a adapters.Ability) bool { return k.lacks[a] == "" }

// where asks for those of the rows.
func (k *kind) where(condition string) query {
	return query{fields: k.asked, from: k.sobject, where: condition}
}

// polled is why there are no webhooks.
const polled = "Salesforce sends nothing that is signed; changes are polled."

// carriage is the mapping as the contract tells it.
func (k *kind) carriage() adapters.Carriage {
	c := k.Carriage()
	c.Create, c.Archive = true, k.can(adapters.Archives)
	c.Pull = adapters.Pull{MaxPage: k.page, Changes: true, Deletes: true, Lag: lag}
	c.Lacks = map[adapters.Ability]string{adapters.Webhooks: polled, adapters.DeleteWebhooks: polled}
	maps.Copy(c.Lacks, k.lacks)
	return c
}

// observe is what a row says.
func (a *api) observe(k *kind, o *object) adapters.Observation {
	out := adapters.Observation{
		Object: adapters.Object{Kind: k.Name, ExternalID: adapters.ExternalID(o.id)}, At: o.at, Raw: o.raw,
		RecordID: adapters.ReadRecordID(o.text(a.external)),
	}
	if out.Gone = o.text("IsDeleted") == "true"; out.Gone {
		if winner := o.text("MasterRecordId"); isID(winner) && k.can(adapters.Merges) {
			out.MergedInto = adapters.ExternalID(long(winner))
		}
		return out
	}
	k.Observe(a.connection, mapping.Flat(o.fields, k.asked), &out)
	return out
}

// link maps the id of another row.
func link(path, field string) mapping.Row {
	return mapping.Link(path, field, isID, mapping.Null).From(long)
}

// owner maps the user, or the queue, that a row belongs to: of which sort, the id's beginning says. An empty prefix takes both.
func owner(path, prefix string) mapping.Row {
	return mapping.Agent(path, "OwnerId", isID).Named("Owner.Name").From(func(id string) string {
		if isID(id) && !strings.HasPrefix(id, prefix) {
			return ""
		}
		return long(id)
	})
}

// What ids of users and of queues begin with.
const (
	userPrefix  = "005"
	queuePrefix = "00G"
)

// text maps a text of several lines.
func text(path, field string) mapping.Row { return mapping.Plain(path, field).From(lines) }

// lines has line feeds alone between them.
func lines(text string) string { return strings.ReplaceAll(text, "\r\n", "\n") }
