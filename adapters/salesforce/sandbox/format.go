package sandbox

import (
	"encoding/json"
	"strconv"
	"strings"
)

// java is a plain decimal as Java prints a double: always with a fraction, and with an exponent from ten millions on and
// below a thousandth. It has all digits, where a double would have lost some.
func java(text string) json.Number {
	sign := ""
	if rest, ok := strings.CutPrefix(text, "-"); ok {
		sign, text = "-", rest
	}
	whole, fraction, _ := strings.Cut(text, ".")
	whole, fraction = strings.TrimLeft(whole, "0"), strings.TrimRight(fraction, "0")
	switch {
	case whole == "" && fraction == "":
		return "0.0"
	case len(whole) > 7:
		return json.Number(sign + whole[:1] + "." + digits(whole[1:]+fraction) + "E" + strconv.Itoa(len(whole)-1))
	case whole == "" && strings.HasPrefix(fraction, "000"):
		significant := strings.TrimLeft(fraction, "0")
		return json.Number(sign + significant[:1] + "." + digits(significant[1:]) + "E-" + strconv.Itoa(len(fraction)-len(significant)+1))
	case whole == "":
		whole = "0"
	}
	return json.Number(sign + whole + "." + digits(fraction))
}

// digits are those behind a point, of which there is at least one.
func digits(text string) string {
	if text = strings.TrimRight(text, "0"); text == "" {
		return "0"
	}
	return text
}

// value is a field as the API shows it.
func (s *Server) value(t *table, o *Object, name string) any {
	switch name {
	case "Id":
		return o.ID
	case "IsDeleted":
		return o.Deleted
	case "CreatedDate":
		return stamp(o.Created)
	case "LastModifiedDate":
		return stamp(o.Modified)
	case "SystemModstamp":
		return stamp(o.Stamp)
	}
	v := o.Fields[name]
	if text, ok := v.(string); ok && t.fields[name].sort == numbers {
		return java(text)
	}
	return v
}

// attributes begin every row on the wire.
func attributes(name, id string) map[string]any {
	return map[string]any{"type": name, "url": "/services/data/v65.0/sobjects/" + name + "/" + id}
}
