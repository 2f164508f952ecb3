package hubspot

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/canonhub/canonhub/adapters/fault"
)

// refusal is a property whose value HubSpot does not take. Its JSON form is the one inside `message`.
type refusal struct {
	Property string `json:"name"`
	Code     string `json:"error"`
}

// refusals lists the properties that an error names. HubSpot names them in `errors`, or in JSON inside `message`, or in
// both; names and codes that do not look like such are left out, since they could be values.
func (p problem) refusals() []refusal {
	var all []refusal
	for _, d := range p.Errors {
		for _, property := range d.properties() {
			all = append(all, refusal{Property: property, Code: d.Code})
		}
	}
	if _, inner, ok := strings.Cut(p.Message, ": ["); ok {
		var listed []refusal
		if json.Unmarshal([]byte("["+inner), &listed) == nil {
			all = append(all, listed...)
		}
	}
	var unique []refusal
	for _, r := range all {
		if fault.IsWord(r.Property) && fault.IsWord(r.Code) && !slices.Contains(unique, r) {
			unique = append(unique, r)
		}
	}
	return unique
}

// properties are the names in a detail's context: a list, or one text.
func (d detail) properties() []string {
	var listed struct {
		PropertyName []string `json:"propertyName"`
	}
	if json.Unmarshal(d.Context, &listed) == nil {
		return listed.PropertyName
	}
	var one struct {
		PropertyName string `json:"propertyName"`
	}
	if json.Unmarshal(d.Context, &one) == nil {
		return []string{one.PropertyName}
	}
	return nil
}

// reasons say a code in words.
var reasons = map[string]string{
	"INVALID_EMAIL":            "HubSpot does not take it for an e-mail address",
	"INVALID_OPTION":           "it is none of the account's options",
	"CONFLICTING_UNIQUE_VALUE": "another one has it",
	"PROPERTY_DOESNT_EXIST":    "the account has no such property",
	"READ_ONLY_VALUE":          "the property is read-only",
}

func reason(code string) string {
	if text, ok := reasons[code]; ok {
		return text
	}
	return "HubSpot refuses it: " + code
}

// refuse adds to a fault which of the attributes being written HubSpot did not take, and what else is wrong.
func (t task) refuse(f *fault.Error, p problem) {
	if p.noRecordID() {
		f.Message = "the account has no unique " + t.kind.one + " property " + recordIDProperty +
			"; make it with POST /crm/properties/2026-03/" + t.kind.many + " and hasUniqueValue true"
		return
	}
	for _, r := range p.refusals() {
		if why := reason(r.Code); !t.kind.Refuse(f, r.Property, why, t.paths) {
			f.Message = strings.TrimPrefix(f.Message+"; property "+r.Property+": "+why, "; ")
		}
	}
}
