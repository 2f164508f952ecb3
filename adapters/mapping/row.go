package mapping

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters/normal"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// Plain maps a text, which may be empty, to a field as it is.
func Plain(path, field string) Row {
	return Row{Path: path, Fields: []string{field},
		Read: func(r *Reading, m proto.Message) {
			if v := r.scalar(field); v != "" {
				Set(m, path, v)
			}
		},
		Write: func(m proto.Message, w Fields) string {
			w[field] = get(m, path)
			return ""
		}}
}

// Written changes the text that is written to a plain field.
func (r Row) Written(change func(string) string) Row {
	return r.writing(func(w Fields) string {
		w[r.Fields[0]] = change(w[r.Fields[0]].(string))
		return ""
	})
}

// AtMost refuses texts of more characters in a plain field.
func (r Row) AtMost(most int) Row {
	return r.writing(func(w Fields) string { return TooLong(w[r.Fields[0]].(string), most) })
}

// TooLong refuses texts of more characters.
func TooLong(text string, most int) (refusal string) {
	if utf8.RuneCountInString(text) > most {
		return fmt.Sprintf("%d characters are held at most", most)
	}
	return ""
}

// Lower is a plain field of a vendor that keeps texts in lower case.
func Lower(path, field string) Row { return Plain(path, field).Written(strings.ToLower) }

// Phone maps a telephone number, which is read in E.164 and written so. A number without a country's code belongs to the
// region that the object tells.
func Phone(path, field string, region func(*Reading) string) Row {
	row := Plain(path, field)
	row.Read = func(r *Reading, m proto.Message) { r.Phone(m, r.scalar(field), region(r)) }
	return row
}

// Phone says a telephone number, as far as it is one.
func (r *Reading) Phone(m proto.Message, raw, region string) {
	e164, err := normal.Phone(raw, region)
	switch {
	case err != nil:
		r.Unusable(strings.TrimSpace(raw), err.Error())
	case e164 != "":
		Set(m, r.path, e164)
	}
}

// NoRegion is that of objects without one.
func NoRegion(*Reading) string { return "" }

// Locale maps a language tag.
func Locale(path, field string) Row {
	row := Plain(path, field)
	row.Read = func(r *Reading, m proto.Message) {
		raw := r.scalar(field)
		if raw == "" {
			return
		}
		locale, ok := normal.Locale(raw)
		if !ok {
			r.Unusable(raw, "it is no language tag")
			return
		}
		Set(m, path, locale)
	}
	return row
}

// Time maps a time that the vendor alone sets.
func Time(path, field string, parse func(string) (time.Time, bool)) Row {
	return Row{Path: path, Fields: []string{field}, Read: func(r *Reading, m proto.Message) { Put(m, path, r.Time(field, parse)) }}
}

// Agent maps a member of the staff, or a team, whom the vendor alone sets.
func Agent(path, field string, is func(string) bool) Row {
	return Row{Path: path, Fields: []string{field}, Read: func(r *Reading, m proto.Message) { Put(m, path, r.Agent(r.ID(field, is))) }}
}

// Link maps a reference to another object of the vendor's. made is what an id is written as.
func Link(path, field string, is func(string) bool, made func(id string) any) Row {
	return Row{Path: path, Fields: []string{field},
		Read: func(r *Reading, m proto.Message) { Put(m, path, Reference(r.ID(field, is))) },
		Write: func(m proto.Message, w Fields) string {
			in, at := at(m, path, false)
			id := in.Get(at).Message().Interface().(*canonicalv1.Reference).GetExternal().GetExternalId()
			if id != "" && !is(id) {
				return "it is no id of the vendor's"
			}
			w[field] = made(id)
			return ""
		}}
}

// FullName maps a name that is kept as one text. Its parts are joined when they are written, and not read.
func FullName(path, field string) Row {
	return Row{Path: path, Fields: []string{field}, Loss: "Kept as one text; the parts are joined when they are written, and not read.",
		Read: func(r *Reading, m proto.Message) {
			if full := r.scalar(field); full != "" {
				Put(m, path, &canonicalv1.PersonName{Full: &full})
			}
		},
		Write: func(m proto.Message, w Fields) string {
			w[field] = WholeName(nameAt(m, path))
			return ""
		}}
}

func nameAt(m proto.Message, path string) *canonicalv1.PersonName {
	in, field := at(m, path, false)
	return in.Get(field).Message().Interface().(*canonicalv1.PersonName)
}

// WholeName is a name as one text.
func WholeName(n *canonicalv1.PersonName) string {
	if n.GetFull() != "" {
		return n.GetFull()
	}
	return strings.Join(strings.Fields(strings.Join([]string{n.GetPrefix(), n.GetGiven(), n.GetMiddle(), n.GetFamily(), n.GetSuffix()}, " ")), " ")
}

// NameParts are a name's given and family name. One that has neither is cut at its last word.
func NameParts(n *canonicalv1.PersonName) (given, family string) {
	if n.GetGiven() == "" && n.GetFamily() == "" {
		return normal.SplitName(n.GetFull())
	}
	return n.GetGiven(), n.GetFamily()
}

// Some is a text that is there; nil for an empty one.
func Some(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// Country maps a country that is kept as free text: to its code where it is one that we know, else to its name, which is
// not written. below is the address's path.
func Country(below, field string) []Row {
	code, name := below+".country_code", below+".country_name"
	return []Row{
		{Path: code, Fields: []string{field}, Loss: "Kept as text, written as the country's English name.",
			Read: func(r *Reading, m proto.Message) {
				if is, ok := normal.Country(r.Text(field)); ok {
					Set(m, code, is)
				}
			},
			Write: func(m proto.Message, w Fields) string {
				w[field] = countryText(get(m, code), get(m, name))
				return ""
			}},
		{Path: name, Fields: []string{field}, Loss: "The one text has either a country that we know or another name; the latter is read and not written.",
			Read: func(r *Reading, m proto.Message) {
				text := r.Text(field)
				if _, known := normal.Country(text); !known && text != "" {
					Set(m, name, text)
				}
			}},
	}
}

// countryText is a country as people write it. A code whose name would not be read back as that code is written itself.
// Without a code the record's own name for the country stays.
func countryText(code, own string) string {
	if code == "" {
		return own
	}
	name := normal.CountryName(code)
	if back, ok := normal.Country(name); !ok || back != code {
		return code
	}
	return name
}

// Region is the code of the country that a field names as free text; empty where there is none that we know.
func Region(field string) func(*Reading) string {
	return func(r *Reading) string {
		code, _ := normal.Country(r.Text(field))
		return code
	}
}
