package salesforce

import (
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters/mapping"
)

// table says which of a pick-list's labels mean a canonical value, by the value's name in lower case: "on_hold". The
// first label is the one that is written.
type table map[string][]string

// labels are a table, compiled.
type labels[E mapping.Enum] struct {
	means  mapping.Words[E]
	writes map[E]string
}

// compileLabels reads the table that the option has, or else the one of a new org. instead are values that stand in for
// those without a label.
func compileLabels[E mapping.Enum](j *judge, option string, given, standard table, instead map[E]E) labels[E] {
	out := labels[E]{means: mapping.Words[E]{}, writes: map[E]string{}}
	if given == nil {
		given = standard
	}
	values := valuesOf[E]()
	for _, name := range sorted(given) {
		value, ok := values[name]
		if !ok {
			j.wrong("no such value; there are "+strings.Join(sorted(values), ", "), "labels", option, name)
			continue
		}
		for _, label := range given[name] {
			key := strings.ToLower(label)
			if _, twice := out.means[key]; twice || label == "" {
				j.wrong("a label is empty, or has two meanings", "labels", option, name)
			}
			out.means[key] = value
		}
		if len(given[name]) > 0 {
			out.writes[value] = given[name][0]
		}
	}
	for value, other := range instead {
		if out.writes[value] == "" {
			out.writes[value] = out.writes[other]
		}
	}
	return out
}

// valuesOf are an enum's values by the part of their names that tells them apart, in lower case.
func valuesOf[E mapping.Enum]() map[string]E {
	all := (*new(E)).Descriptor().Values()
	prefix := strings.TrimSuffix(string(all.ByNumber(0).Name()), "UNSPECIFIED")
	out := map[string]E{}
	for i := range all.Len() {
		if v := all.Get(i); v.Number() != 0 {
			out[strings.ToLower(strings.TrimPrefix(string(v.Name()), prefix))] = E(v.Number())
		}
	}
	return out
}

// row maps a pick-list.
func (l labels[E]) row(path, field string) mapping.Row {
	row := mapping.Choice(path, field, l.means, mapping.Same)
	row.Write = func(m proto.Message, w mapping.Fields) string {
		value, raw := mapping.Chosen[E](m, path)
		return l.write(w, field, value, raw)
	}
	return row
}

// write sets a value by its label; a record without one clears it.
func (l labels[E]) write(w mapping.Fields, field string, value E, raw string) string {
	label := l.writes[value]
	if label == "" && (value != 0 || raw != "") {
		return "no label of the org's means that; the option labels names them"
	}
	w[field] = label
	return ""
}
