package shopify

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/mapping"
)

// Where our record's id is left.
const (
	namespace = "canonhub"
	recordKey = "record_id"
)

// lag is how much later than its time a change may be found by a search; Shopify promises nothing.
const lag = 5 * time.Minute

// kind is one kind of object: its mapping and its names. A field of the mapping is the path of one of GraphQL's:
// "defaultAddress.city". What is asked for is those fields, and nothing else.
type kind struct {
	mapping.Kind
	// gid is the word in Shopify's global ids: gid://shopify/Customer/1.
	gid string
	// one and many are the query root's fields.
	one, many string
	// address is the field of the one address that is written.
	address string
	maxPage int
	lacks   map[adapters.Ability]string
	// whole is what a read asks for; part is what each entry of a page asks for.
	whole, part string
}

// kinds are those that are carried.
var kinds = map[adapters.Kind]*kind{customers.Name: customers, orders.Name: orders}

// own is what every object is asked for.
const own = `id updatedAt metafield(namespace: "` + namespace + `", key: "` + recordKey + `") { value }`

// describe completes a kind by what follows from its table.
func describe(k kind) *kind {
	k.Vendor, k.IsID, k.Own = "Shopify", isNumber, []string{"id", "updatedAt", "metafield"}
	for i, row := range k.Rows {
		k.Rows[i].Read = typed(row)
	}
	asked := own + selection(k.Asked())
	k.whole = strings.Replace(asked, "lineItems", lineItems(linesOfOne), 1)
	k.part = strings.Replace(asked, "lineItems", lineItems(linesOfMany), 1)
	return &k
}

// noTexts are the fields that GraphQL's types say are none.
var noTexts = []string{"taxExempt", "tags", "lineItems", "taxesIncluded", "discountCodes", "test"}

// typed has a text that is none be of no use.
func typed(row mapping.Row) func(*mapping.Reading, proto.Message) {
	return func(r *mapping.Reading, m proto.Message) {
		for _, field := range row.Fields {
			if !slices.Contains(noTexts, field) && !r.Get(field, new(string)) {
				return
			}
		}
		row.Read(r, m)
	}
}

// selection asks for the fields at paths: of a.b and a.c it makes a { b c }.
func selection(paths []string) string {
	inside := map[string][]string{}
	for _, path := range paths {
		field, rest, nested := strings.Cut(path, ".")
		below := inside[field]
		if nested {
			below = append(below, rest)
		}
		inside[field] = below
	}
	var b strings.Builder
	for _, field := range slices.Sorted(maps.Keys(inside)) {
		b.WriteString(" " + field)
		if len(inside[field]) > 0 {
			b.WriteString(" {" + selection(inside[field]) + " }")
		}
	}
	return b.String()
}

func (k *kind) carriage() adapters.Carriage {
	c := k.Carriage()
	c.Create, c.Lacks = k.creates(), k.lacks
	c.Pull = adapters.Pull{MaxPage: k.maxPage, Changes: true, Lag: lag}
	return c
}

func (k *kind) creates() bool { return k.lacks[adapters.Creates] == "" }

// labels maps tags.
func labels() mapping.Row {
	row := mapping.Texts("tags", "tags").
		Losing("Shopify sorts tags, trims them, and keeps one of those that differ in case alone; a comma cannot be in one.")
	write := row.Write
	row.Write = func(m proto.Message, w mapping.Fields) string {
		refusal := write(m, w)
		for _, tag := range w["tags"].([]string) {
			if strings.Contains(tag, ",") {
				refusal = "Shopify would take a tag with a comma for two"
			}
		}
		return refusal
	}
	return row
}

// object names an object of this kind.
func (k *kind) object(number string) adapters.Object {
	return adapters.Object{Kind: k.Name, ExternalID: adapters.ExternalID(number)}
}

// globalID is an object's id as GraphQL has it. Everybody else, webhooks and the admin's addresses among them, has the
// number alone.
func (k *kind) globalID(id adapters.ExternalID) string {
	return "gid://shopify/" + k.gid + "/" + string(id)
}

// numberOf is the number in a global id of this kind.
func (k *kind) numberOf(gid string) (string, bool) {
	number, ok := strings.CutPrefix(gid, "gid://shopify/"+k.gid+"/")
	return number, ok && isNumber(number)
}

// isNumber says that text is a number that Shopify gives: they begin at one, and fill 63 bits.
func isNumber(text string) bool {
	n, err := strconv.ParseInt(text, 10, 64)
	return err == nil && n > 0 && strconv.FormatInt(n, 10) == text
}
