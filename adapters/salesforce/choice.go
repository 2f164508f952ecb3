package salesforce

import (
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// table says which of a pick-list's labels mean a canonical value, by the value's name in lower case: "on_hold". The
// first label is the one that is written.
type table map[string][]string

// labels are a table, compiled.
type labels[E enum] struct {
	means  map[string]E // by the label in lower case
	writes map[E]string
}

type enum interface {
	~int32
	protoreflect.Enum
}

// compileLabels reads the table that the option has, or else the one of a new org.
func compileLabels[E enum](j *judge, option string, given, standard table) labels[E] {
	out := labels[E]{means: map[string]E{}, writes: map[E]string{}}
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
	return out
}

// valuesOf are an enum's values by the part of their names that tells them apart, in lower case.
func valuesOf[E enum]() map[string]E {
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

// read gives a label's meaning, or its text where it has none that we know; nothing for none.
func (l labels[E]) read(r *reading, field string) (value *E, raw *string) {
	label := r.text(field)
	if label == "" {
		return nil, nil
	}
	is, ok := l.means[strings.ToLower(label)]
	if !ok {
		return unknownLabel[E](r, field, label)
	}
	return &is, nil
}

func unknownLabel[E enum](r *reading, field, label string) (*E, *string) {
	r.unknown(field + "=" + label)
	return new(E), &label
}

// write sets a value by its label; a record without one clears it. instead are values that stand in for those without a
// label.
func (l labels[E]) write(fields map[string]any, field string, value E, raw string, instead map[E]E) string {
	if value == 0 && raw == "" {
		fields[field] = nil
		return ""
	}
	label, ok := l.writes[value]
	if !ok {
		label, ok = l.writes[instead[value]]
	}
	if !ok {
		return "no label of the org's means that; the option labels names them"
	}
	fields[field] = label
	return ""
}
