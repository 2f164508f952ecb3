package shopify

import (
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
)

// Where our record's id is left.
const (
	namespace = "canonhub"
	recordKey = "record_id"
)

// kind is what one kind of object has of its own.
type kind struct {
	name adapters.Kind
	// gid is the word in Shopify's global ids: gid://shopify/Customer/1.
	gid string
	// one and many are the query root's fields.
	one, many string
	// whole is what a read asks for; part is what each entry of a page asks for.
	whole, part string
	// fields are the names of what they ask for.
	fields   []string
	carriage adapters.Carriage
	// take reads all attributes of an object: those spoken of, and whether that is all.
	take func(*reading) (m proto.Message, spoken []string, all bool)
	// write puts attributes into a change. The result is why Shopify cannot hold them, path to reason.
	write func(m proto.Message, paths []string, f *frozen) map[string]string
}

// row maps one attribute to the fields that hold it.
type row[M proto.Message] struct {
	path   string
	fields []string
	// read takes the attribute from the fields.
	read func(*reading, M)
	// write puts the attribute into a change; a refusal is why Shopify cannot hold the value. Nil where it cannot be set.
	write func(M, *frozen) (refusal string)
	// loss is what is lost where Shopify holds the attribute less exactly.
	loss string
}

// describe makes a kind of its table. asked is what is asked for inside each field, empty for a plain value; fewer is
// that of pages, where it is another.
func describe[M proto.Message](k kind, rows []row[M], asked, fewer map[string]string) *kind {
	for _, r := range rows {
		k.fields = append(k.fields, r.fields...)
		k.carriage.In = append(k.carriage.In, r.path)
		if r.write != nil {
			k.carriage.Out = append(k.carriage.Out, r.path)
		}
		if r.loss != "" {
			k.carriage.Losses[r.path] = r.loss
		}
	}
	k.carriage.Kind = k.name
	slices.Sort(k.fields)
	k.fields = slices.Compact(k.fields)
	k.whole, k.part = selection(k.fields, asked, nil), selection(k.fields, asked, fewer)
	k.take = func(r *reading) (proto.Message, []string, bool) { return take(r, rows) }
	k.write = func(m proto.Message, paths []string, f *frozen) map[string]string { return write(m, paths, rows, f) }
	return &k
}

// own is what every object is asked for.
const own = `id updatedAt metafield(namespace: "` + namespace + `", key: "` + recordKey + `") { value }`

func selection(fields []string, asked, fewer map[string]string) string {
	var b strings.Builder
	b.WriteString(own)
	for _, field := range fields {
		inside, ok := fewer[field]
		if !ok {
			inside = asked[field]
		}
		b.WriteString("\n" + field + inside)
	}
	return b.String()
}

// take reads each attribute by itself: one that is missing in the answer, or cannot be used, is not spoken of.
func take[M proto.Message](r *reading, rows []row[M]) (proto.Message, []string, bool) {
	whole := *new(M)
	m := whole.ProtoReflect().New().Interface().(M)
	spoken := make([]string, 0, len(rows))
	for _, row := range rows {
		one := m.ProtoReflect().New().Interface().(M)
		before := len(r.bad)
		r.path = row.path
		if !r.has(row.fields) {
			continue
		}
		if row.read(r, one); len(r.bad) > before {
			continue
		}
		proto.Merge(m, one)
		spoken = append(spoken, row.path)
	}
	return m, spoken, len(spoken) == len(rows)
}

func write[M proto.Message](m proto.Message, paths []string, rows []row[M], f *frozen) map[string]string {
	record, ok := m.(M)
	refused := map[string]string{}
	for _, path := range paths {
		i := slices.IndexFunc(rows, func(r row[M]) bool { return r.path == path && r.write != nil })
		switch {
		case !ok || i < 0:
			refused[path] = "Shopify does not hold it, or sets it alone"
			continue
		}
		if why := rows[i].write(record, f); why != "" {
			refused[path] = why
		}
	}
	return refused
}

// object names an object of this kind.
func (k *kind) object(number string) adapters.Object {
	return adapters.Object{Kind: k.name, ExternalID: adapters.ExternalID(number)}
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

// kindOf is a kind that is carried; nil where it is none.
func kindOf(name adapters.Kind) *kind {
	for _, k := range []*kind{customers, orders} {
		if k.name == name {
			return k
		}
	}
	return nil
}
