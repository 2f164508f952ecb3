package filedrop_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/filedrop"
)

// mistakes are what is wrong with options, each with its place.
func mistakes(t *testing.T, options object) []string {
	t.Helper()
	text, err := json.Marshal(options)
	if err != nil {
		t.Fatal(err)
	}
	_, err = filedrop.Factory().Declare(adapters.Settings{Options: text})
	if _, wrong := filedrop.Factory().Open(adapters.Settings{Options: text}); (err == nil) != (wrong == nil) {
		t.Errorf("Declare says %v, and Open %v", err, wrong)
	}
	out := []string{}
	if err == nil {
		return out
	}
	joined, is := err.(interface{ Unwrap() []error })
	if !is {
		return []string{err.Error()}
	}
	for _, each := range joined.Unwrap() {
		var m *adapters.Mistake
		if !errors.As(each, &m) {
			t.Fatalf("%v has no place", each)
		}
		out = append(out, strings.Join(m.At, "/")+": "+m.Reason)
	}
	slices.Sort(out)
	return out
}

func TestMistakesInTheOptionsAreToldAtTheirPlace(t *testing.T) {
	t.Parallel()
	all := func(kind string, of object) object { return object{"folder": "/srv/drop", "kinds": object{kind: of}} }
	plain := func(more ...object) object { return customers(more...)["customer"].(object) }
	for name, c := range map[string]struct {
		options object
		want    []string
	}{
		"none":       {all("customer", plain()), []string{}},
		"nothing":    {object{}, []string{"folder: give the folder that has in/, done/, rejected/ and out/ as an absolute path", "kinds: say how files are read, by kind: customer, order, invoice, ticket"}},
		"a kind":     {all("person", plain()), []string{"kinds/person: no such kind; there are customer, order, invoice and ticket"}},
		"no name":    {all("customer", plain(object{"colour": 1})), []string{`options: json: unknown field "colour"`}},
		"a type":     {all("customer", plain(object{"id": "1"})), []string{`kinds/customer/id: "1" is of type int; it must be a text`}},
		"a function": {all("customer", plain(object{"id": "row.A.shout()"})), []string{`kinds/customer/id: undeclared reference to 'shout' (in container 'canonhub.canonical.v1'), at column 12 of "row.A.shout()"`}},
		"syntax":     {all("customer", plain(object{"id": "row."})), nil},
		"an attribute": {all("customer", plain(object{"attributes": object{"mail": "row.A", "billing_address": "row.A", "status_raw": "row.A", "custom.A": "row.A", "email": "true", "tags": "row.A", "email.x": "row.A", "party_type_raw": "row.A", "phone": ""}})), []string{
			`kinds/customer/attributes/billing_address: billing_address is a group; name its parts, as billing_address.line1`,
			`kinds/customer/attributes/custom.A: the name of a custom attribute is of small letters, digits and underscores: custom.loyalty_tier`,
			`kinds/customer/attributes/email.x: customer has no attribute "email.x"`,
			`kinds/customer/attributes/email: "true" is of type bool; it must be a text`,
			`kinds/customer/attributes/mail: customer has no attribute "mail"`,
			`kinds/customer/attributes/party_type_raw: party_type_raw is part of party_type, which takes any text`,
			`kinds/customer/attributes/phone: the expression is missing; for text as it stands write row.COLUMN`,
			`kinds/customer/attributes/status_raw: customer has no attribute "status_raw"`,
			`kinds/customer/attributes/tags: "row.A" is of type string; it must be a list of string`,
		}},
		"a pattern":       {all("customer", plain(object{"time": "date(row.T, 'dd.mm.yyyy')", "deleted": "date(row.T, 'DD.MM.YYYY', 'Berlin') > file_time"})), []string{`kinds/customer/deleted: "Berlin" is no time zone`, `kinds/customer/time: "dd.mm.yyyy" is no pattern of a time; write it as DD.MM.YYYY or YYYY-MM-DDThh:mm:ssZ`}},
		"what is written": {all("customer", plain(object{"version": "record.x", "record_id": "record_id"})), nil},
		"columns":         {all("customer", plain(object{"columns": []string{"NR", "EMAIL"}})), []string{`kinds/customer/attributes/email: there is no column "MAIL"; columns has NR, EMAIL`}},
		"words": {all("customer", plain(object{"format": "json", "content": "some", "vanished": "panic", "delimiter": ";;", "decimal": "", "time_zone": "Mars", "encoding": "x", "max_vanished": 2, "skip": -1, "files": "../*"})), []string{
			`kinds/customer/content: "some" is none of changes, everything`,
			`kinds/customer/delimiter: ";;" is not one character`,
			`kinds/customer/encoding: the encoding "x" is not known; utf-8, utf-16, windows-1252, iso-8859-1 and the like are`,
			`kinds/customer/files: "../*" is no pattern of a file's name; write it as customers-*.csv`,
			`kinds/customer/format: "json" is none of csv, xml`,
			`kinds/customer/max_vanished: it is a share, from 0 to 1`,
			`kinds/customer/skip: it is a number of lines, from 0 to 1000`,
			`kinds/customer/time_zone: "Mars" is no time zone; write it as Europe/Berlin`,
			`kinds/customer/vanished: "panic" is none of keep, delete`,
		}},
		"vanished":    {all("customer", plain(object{"vanished": "delete"})), []string{"kinds/customer/vanished: only a file with everything there is can tell what has vanished: say content: everything"}},
		"xml and csv": {all("customer", plain(object{"format": "xml", "delimiter": ";", "columns": []string{"NR", "MAIL"}})), []string{"kinds/customer/columns: it is for csv alone", "kinds/customer/delimiter: it is for csv alone", "kinds/customer/record: the path of the element that is a row is missing; give it as Envelope/Body/Customers/Customer"}},
		"no id":       {all("customer", object{"attributes": object{}}), []string{"kinds/customer/attributes: say where each attribute comes from, as in email: row.MAIL", "kinds/customer/id: give the expression of the object's id, as in id: row.NUMBER"}},
		"out": {all("customer", object{"out": object{"encoding": "utf-16", "every": "x", "columns": []object{{"name": "_id", "value": "record.email"}, {"name": "A", "value": "record"}, {"name": "B", "value": "row.x"}, {"name": "C", "value": "record.mail"}, {"name": "D", "value": "record.tags"}}}}), []string{
			"kinds/customer/out/columns/0/name: \"_id\" is empty, or there already, or has a | in it, or begins with the underscore of the hub's own columns",
			`kinds/customer/out/columns/1/value: "record" is of type canonhub.canonical.v1.Customer; it must be a text`,
			`kinds/customer/out/columns/2/value: row is for files that are read; what is written is record`,
			`kinds/customer/out/columns/3/value: undefined field 'mail', at column 7 of "record.mail"`,
			`kinds/customer/out/columns/4/value: "record.tags" is of type list(string); it must be a text`,
			"kinds/customer/out/encoding: files are written in utf-8, or in an encoding of single bytes such as windows-1252",
			`kinds/customer/out/every: "x" is no time span; write it as 10s, 5m or 1h30m`,
		}},
		"nothing out": {all("customer", object{"out": object{"columns": []object{{"name": "A", "value": "external_id"}}}}), []string{"kinds/customer/out/columns: say what is written, as in {name: MAIL, value: record.email}"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := mistakes(t, c.options)
			if c.want == nil {
				if len(got) == 0 {
					t.Error("it is taken")
				}
				return
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(- want, + told) %s", diff)
			}
		})
	}
}
