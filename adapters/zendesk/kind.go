package zendesk

import (
	"encoding/json"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/mapping"
)

// kind is one kind of object: its names on the wire and its mapping.
type kind struct {
	mapping.Kind
	one, many string // "ticket", "tickets"
	// lookup lists the objects that carry a record's id, by its parameter lookupBy.
	lookup, lookupBy string
	// gone says whether an object that can be read is deleted, or no record's, and whether it was erased.
	gone func(*object) (gone, erased bool)
	// archives says that what is deleted can be taken back.
	archives bool
	lacks    map[adapters.Ability]string
}

// kinds are those that are carried.
var kinds = map[adapters.Kind]*kind{ticket: tickets, customer: users}

func (k *kind) carriage() adapters.Carriage {
	c := k.Carriage()
	c.Create, c.Archive, c.Pull, c.Lacks = true, k.archives, pulls, k.lacks
	return c
}

// observe is what an object says.
func (k *kind) observe(o *object, connection string) adapters.Observation {
	out := adapters.Observation{
		Object: adapters.Object{Kind: k.Name, ExternalID: adapters.ExternalID(o.text("id"))}, At: o.at(), Raw: o.raw,
		RecordID: adapters.ReadRecordID(o.text("external_id")),
	}
	if gone, erased := k.gone(o); gone {
		out.Gone, out.Erase = true, erased
		return out
	}
	k.Observe(connection, o.fields, &out)
	return out
}

// labels maps tags.
func labels[M proto.Message](get func(M) []string, set func(M, []string)) mapping.Row {
	return mapping.Of("tags", []string{"tags"},
		func(r *mapping.Reading, m M) {
			var tags []string
			if err := json.Unmarshal(r.Fields["tags"], &tags); err != nil {
				r.Unusable(r.Text("tags"), "it is no list of texts")
			}
			set(m, tags)
		},
		func(m M, w mapping.Fields) string {
			w["tags"] = tidy(get(m))
			return ""
		}).Losing("Zendesk keeps tags in lower case and in its own order, each once, with _ for blanks.")
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
