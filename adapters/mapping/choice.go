package mapping

import (
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Words are the values of one of a vendor's lists, in lower case, and what they mean. Of several that mean the same, the
// first in the alphabet is written.
type Words[E Enum] map[string]E

// Enum is one of the canonical form's.
type Enum interface {
	~int32
	protoreflect.Enum
}

// Choice maps an enum beside which the vendor's own word is kept where it has none of our meanings: priority, and
// priority_raw. Letter case is not looked at. written is the form of a word; a cleared value is an empty text.
func Choice[E Enum](path, field string, words Words[E], written func(string) string) Row {
	return Row{Path: path, Fields: []string{field},
		Read: func(r *Reading, m proto.Message) { words.Say(r, m, field, r.scalar(field)) },
		Write: func(m proto.Message, w Fields) string {
			value, raw := Chosen[E](m, path)
			word, ok := words.Word(value)
			switch {
			case value == 0 && raw == "":
				w[field] = ""
			case !ok:
				return "there is no such choice there"
			default:
				w[field] = written(word)
			}
			return ""
		}}
}

// Open lets a word without one of our meanings be written as it was read.
func (r Row) Open() Row {
	write := r.Write
	r.Write = func(m proto.Message, w Fields) string {
		if in, field := at(m, r.Path, false); in.Get(field).Enum() == 0 {
			w[r.Fields[0]] = get(m, r.Path+"_raw")
			return ""
		}
		return write(m, w)
	}
	return r
}

// Nulled has null and not an empty text clear a plain field.
func (r Row) Nulled() Row {
	return r.writing(func(w Fields) string {
		if w[r.Fields[0]] == "" {
			w[r.Fields[0]] = nil
		}
		return ""
	})
}

// Same is a word as it is.
func Same(word string) string { return word }

// Say says what a word means, or the word itself where it has no meaning that we know; nothing for none. The word was read
// from a field of that name.
func (words Words[E]) Say(r *Reading, m proto.Message, field, word string) {
	if word == "" {
		return
	}
	is, ok := words[strings.ToLower(word)]
	in, at := at(m, r.path, true)
	in.Set(at, protoreflect.ValueOfEnum(protoreflect.EnumNumber(is)))
	if !ok {
		r.Unknown(field + "=" + word)
		Set(m, r.path+"_raw", word)
	}
}

// Word is the one that has a meaning.
func (words Words[E]) Word(value E) (string, bool) {
	for _, word := range slices.Sorted(maps.Keys(words)) {
		if words[word] == value {
			return word, true
		}
	}
	return "", false
}

// Chosen is the enum at a path, and the word that is kept beside it.
func Chosen[E Enum](m proto.Message, path string) (value E, raw string) {
	in, field := at(m, path, false)
	return E(in.Get(field).Enum()), get(m, path+"_raw")
}
