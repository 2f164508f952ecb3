package salesforce

import (
	"strings"

	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/mapping"
)

// address maps an address: to the fields that begin with a word of Salesforce's, a row each part.
func address(path, word string) []mapping.Row {
	return append([]mapping.Row{
		line(path+line1, word+"Street", firstLine),
		line(path+line2, word+"Street", furtherLines).
			Losing("All lines are one field: what is below the first is read as the second, and a second without a first becomes the first."),
		mapping.Plain(path+".city", word+"City"),
		mapping.Plain(path+".region", word+"State"),
		mapping.Plain(path+".postal_code", word+"PostalCode"),
	}, mapping.Country(path, word+"Country")...)
}

// What the lines are called, below the path of their address.
const (
	line1 = ".line1"
	line2 = ".line2"
)

// line maps a line to its part of a field. While the lines are apart, each is written by the field's name and its own path:
// no field can have such a name.
func line(path, street string, cut func(string) string) mapping.Row {
	row := mapping.Plain(path, street).From(cut)
	row.Write = mapping.Plain(path, street+"/"+path).Write
	return row
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(lines(text), "\n")
	return line
}

func furtherLines(text string) string {
	_, below, _ := strings.Cut(lines(text), "\n")
	return below
}

// joined are fields as Salesforce takes them: null clears, and lines are one text. A line that is not written stays as it is
// now, in a row that is made empty. To clear the first line above another, which would take its place, is refused.
func joined(op string, fields mapping.Fields, now *object) (mapping.Fields, error) {
	out, f := mapping.Fields{}, &fault.Error{Category: fault.Permanent, Op: op, Message: "Salesforce cannot hold all of it"}
	for name, value := range fields {
		street, path, apart := strings.Cut(name, "/")
		if !apart {
			if out[name] = value; value == "" {
				out[name] = nil
			}
			continue
		}
		of, _, _ := strings.Cut(path, ".")
		top, below, _ := strings.Cut(lines(now.text(street)), "\n")
		if further, writes := fields[street+"/"+of+line2].(string); writes {
			below = further
		}
		if first, writes := fields[street+"/"+of+line1].(string); writes {
			if top = first; top == "" && below != "" {
				f.Refuse(of+line1, "there is a second line, which would become the first")
			}
		}
		out[street] = mapping.Null(strings.Trim(top+"\n"+below, "\n"))
	}
	if f.Refused != nil {
		return nil, f
	}
	return out, nil
}
