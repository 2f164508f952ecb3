package xero

import (
	"net/url"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/mapping"
)

// kind is one kind of object: its names on the wire and its mapping.
type kind struct {
	mapping.Kind
	many string // "Contacts", in paths and answers
	id   string // "ContactID"
	// sort is the field that says whether an object is one of ours at all; one that does not tell it is not read. May be empty.
	sort string
	// asked is what every read and write asks for, listed what lists ask for beside it: by it nothing ever leaves a list.
	asked, listed url.Values
	maxPage       int
	// gone says whether an object that can be read is out of use or no record's.
	gone func(*object) bool
	// recordID is the text that a create left there.
	recordID func(*object) string
	// settle makes Xero's fields of what is written, given the object as it is, an empty one where it is made; or refuses
	// attributes.
	settle func(now *object, c change, f *fault.Error) fields
	lacks  map[adapters.Ability]string
}

// fields are what is written, by Xero's names, or by those of this package where Xero's fields depend on each other.
type fields = mapping.Fields

// kinds are those that are carried, as a connection has them.
func (o options) kinds() map[adapters.Kind]*kind {
	return map[adapters.Kind]*kind{customer: o.contacts(), invoice: o.invoices()}
}

func (k *kind) carriage() adapters.Carriage {
	c := k.Carriage()
	c.Create, c.Archive, c.Lacks = true, k.lacks[adapters.Archives] == "", k.lacks
	c.Pull = adapters.Pull{MaxPage: k.maxPage, Changes: true, Deletes: k.lacks[adapters.PullsDeletes] == "", Lag: lag}
	return c
}

// observe is what an object says.
func (k *kind) observe(o *object) adapters.Observation {
	out := adapters.Observation{
		Object: adapters.Object{Kind: k.Name, ExternalID: adapters.ExternalID(o.id)}, At: o.at(), Raw: o.raw,
		RecordID: adapters.ReadRecordID(k.recordID(o)),
	}
	if k.gone(o) {
		out.Gone, out.Erase = true, o.text("ContactStatus") == forgotten
		if into := o.text("MergedToContactID"); isID(into) && into != o.id {
			out.MergedInto = adapters.ExternalID(into)
		}
		return out
	}
	k.Observe("", o.fields, &out) // of an organisation's staff nothing is carried
	return out
}
