package hubspot

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/mapping"
)

// problem is HubSpot's error. Every field may be missing, and some have several shapes.
type problem struct {
	Status        string   `json:"status"`
	Message       string   `json:"message"`
	Category      string   `json:"category"`
	CorrelationID string   `json:"correlationId"`
	PolicyName    string   `json:"policyName"`
	Errors        []detail `json:"errors"`
}

// detail is one cause among several.
type detail struct {
	Code    string          `json:"code"`
	Context json.RawMessage `json:"context"`
}

// parse reads as much of an error as there is.
func parse(body []byte) problem {
	var p problem
	_ = json.Unmarshal(body, &p) // what could be read before a field of another shape is kept
	return p
}

var (
	// reference is what a correlation id looks like.
	reference = regexp.MustCompile(`^[0-9a-fA-F-]{8,64}$`)
	// existing is how HubSpot names the object that is in the way.
	existing = regexp.MustCompile(`Existing ID: ([0-9]{1,20})`)
)

func (p problem) code() string {
	if refusals := p.refusals(); len(refusals) > 0 {
		return refusals[0].Code
	}
	if fault.IsWord(p.Category) {
		return p.Category
	}
	return ""
}

// reference is what HubSpot's support asks for.
func (p problem) reference() string {
	if !reference.MatchString(p.CorrelationID) {
		return ""
	}
	return "correlation id " + p.CorrelationID
}

// existingID is the object that has what was to be unique, as far as it is told.
func (p problem) existingID() string {
	if m := existing.FindStringSubmatch(p.Message); m != nil {
		return m[1]
	}
	return ""
}

// emailTaken says that a write failed because another contact has its e-mail address.
func (p problem) emailTaken() bool {
	return p.existingID() != "" || p.Category == "OBJECT_ALREADY_EXISTS" || p.refuses("email", taken)
}

// noRecordID says that the account lacks the unique property that our ids go to.
func (p problem) noRecordID() bool {
	return p.refuses(recordIDProperty, noProperty) || strings.Contains(p.Message, "non-unique") && strings.Contains(p.Message, recordIDProperty)
}

func (p problem) refuses(property, code string) bool {
	return slices.Contains(p.refusals(), refusal{Property: property, Code: code})
}

// Codes of refusals: of a value that is unique and another object's, and of a property that the account does not have.
const (
	taken      = "CONFLICTING_UNIQUE_VALUE"
	noProperty = "PROPERTY_DOESNT_EXIST"
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
	var in struct {
		PropertyName json.RawMessage `json:"propertyName"`
	}
	_ = json.Unmarshal(d.Context, &in) // without any, there is no name
	var listed []string
	if json.Unmarshal(in.PropertyName, &listed) == nil {
		return listed
	}
	return []string{mapping.Text(in.PropertyName)}
}
