package salesforce

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/canonhub/canonhub/adapters/fault"
)

// problem is Salesforce's error: several, as a rule one.
type problem []detail

// detail is one thing that is wrong.
type detail struct {
	Message   string   `json:"message"`
	Code      string   `json:"errorCode"`
	Fields    []string `json:"fields"`
	Duplicate struct {
		Results []struct {
			Records []struct {
				Record struct {
					ID string `json:"Id"`
				} `json:"record"`
			} `json:"matchRecords"`
		} `json:"matchResults"`
	} `json:"duplicateResult"`
}

// parse reads as much of an error as there is.
func parse(body []byte) problem {
	var parts []json.RawMessage
	_ = json.Unmarshal(body, &parts) // what is no list tells nothing
	var p problem
	for _, part := range parts {
		var d detail
		_ = json.Unmarshal(part, &d) // what could be read before a part of another shape is kept
		p = append(p, d)
	}
	return p
}

var (
	// column is how Salesforce names a field that it does not have.
	column = regexp.MustCompile(`No such column '([A-Za-z0-9_.]{1,120})'`)
	// holder is how Salesforce names the row that has what was to be unique.
	holder = regexp.MustCompile(`record with id: ([A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?)(?:[^A-Za-z0-9]|$)`)
)

// isCode says that a text looks like one of Salesforce's codes, which are of capitals.
func isCode(text string) bool { return fault.IsWord(text) && text == strings.ToUpper(text) }

func (p problem) code() string {
	if len(p) == 0 || !isCode(p[0].Code) {
		return ""
	}
	return p[0].Code
}

// names says that a field is what is wrong: in the list of such, or in the words on a value that is not unique.
func (p problem) names(field string) bool {
	return slices.ContainsFunc(p, func(d detail) bool {
		return slices.Contains(d.Fields, field) || strings.Contains(d.Message, field+" duplicates value")
	})
}

// column is the field that a query asked for in vain; empty where that is not what is wrong.
func (p problem) column() string {
	for _, d := range p {
		if m := column.FindStringSubmatch(d.Message); m != nil {
			return m[1]
		}
	}
	return ""
}

// existing are the ids of rows that are in the way, of those that begin as ids of one object do.
func (p problem) existing(prefix string) (ids []string) {
	add := func(text string) {
		if id := long(text); isID(id) && strings.HasPrefix(id, prefix) && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	for _, d := range p {
		for _, result := range d.Duplicate.Results {
			for _, match := range result.Records {
				add(match.Record.ID)
			}
		}
		if m := holder.FindStringSubmatch(d.Message); m != nil {
			add(m[1])
		}
	}
	return ids
}

// reasons say a code in words.
var reasons = map[string]string{
	"REQUIRED_FIELD_MISSING":                  "Salesforce wants it to be there",
	"STRING_TOO_LONG":                         "it is longer than Salesforce holds",
	"INVALID_EMAIL_ADDRESS":                   "Salesforce does not take it for an e-mail address",
	"FIELD_CUSTOM_VALIDATION_EXCEPTION":       "a validation rule of the org refuses it",
	"INVALID_FIELD_FOR_INSERT_UPDATE":         "the hub's user may not write the field",
	"INVALID_CROSS_REFERENCE_KEY":             "it leads to nothing that is there",
	"INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": "it is none of the org's labels",
	"FIELD_INTEGRITY_EXCEPTION":               "it does not go with another field",
	"DUPLICATE_VALUE":                         "another row has it",
	"DELETE_FAILED":                           "other rows need it",
}

func reason(code string) string {
	switch {
	case reasons[code] != "":
		return reasons[code]
	case isCode(code):
		return "Salesforce refuses it: " + code
	}
	return "Salesforce refuses it"
}

// refuse adds to a fault which of the attributes being written Salesforce did not take, and what else is wrong.
func (p problem) refuse(f *fault.Error, k *kind, paths []string) {
	var others []string
	for _, d := range p {
		if len(d.Fields) == 0 && isCode(d.Code) {
			others = append(others, reason(d.Code))
		}
		for _, field := range d.Fields {
			named := k != nil && k.Refuse(f, textField(field), reason(d.Code), paths)
			if !named && fault.IsWord(field) {
				others = append(others, "field "+field+": "+reason(d.Code))
			}
		}
	}
	slices.Sort(others)
	f.Message = strings.Join(slices.Compact(others), "; ")
}

// textField is the field that a country's or state's code stands beside, in orgs that have pick-lists of them.
func textField(name string) string {
	if strings.HasSuffix(name, "CountryCode") || strings.HasSuffix(name, "StateCode") {
		return strings.TrimSuffix(name, "Code")
	}
	return name
}
