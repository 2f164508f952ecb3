package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/mail"
	"slices"
	"strconv"
	"strings"
)

// property is the definition of a property.
type property struct {
	options  []string
	readOnly bool
	unique   bool
}

// stages are HubSpot's own lifecycle stages, in their order.
var stages = []string{"subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer", "evangelist", "other"}

// languages are some of the values of hs_language.
var languages = []string{"de", "de-at", "de-ch", "de-de", "en", "en-gb", "en-us", "es", "es-mx", "fr", "fr-ca", "fr-fr", "it", "ja", "nl", "pt", "pt-br", "zh-cn"}

// contactProperties are those that an account begins with.
func contactProperties(o Options) map[string]property {
	all := map[string]property{
		"lifecyclestage": {options: slices.Concat(stages, o.Stages)},
		"hs_language":    {options: languages},
	}
	for _, name := range []string{"email", "firstname", "lastname", "phone", "mobilephone", "company", "address", "city", "state", "zip",
		"country", "hs_additional_emails", "hubspot_owner_id", "hs_lead_status", "jobtitle", "website"} {
		all[name] = property{}
	}
	return withOwn(all, "lastmodifieddate", o)
}

// withOwn adds the properties that HubSpot sets, and the unique one that an administrator makes for us.
func withOwn(all map[string]property, modified string, o Options) map[string]property {
	for _, name := range []string{"createdate", modified, "hs_object_id"} {
		all[name] = property{readOnly: true}
	}
	if !o.WithoutRecordID {
		all["canonhub_id"] = property{unique: true}
	}
	return all
}

// validate judges the values of a write to c, which is a new object without an id on creation.
func (s *table) validate(c *Object, values map[string]string) []refusal {
	var refusals []refusal
	for _, name := range sortedKeys(values) {
		definition, ok := s.properties[name]
		value := values[name]
		switch {
		case !ok:
			refusals = append(refusals, refusal{Message: fmt.Sprintf("Property %q does not exist", name), Error: "PROPERTY_DOESNT_EXIST", Name: name})
		case definition.readOnly:
			refusals = append(refusals, refusal{Message: fmt.Sprintf("%q is a read only property", name), Error: "READ_ONLY_VALUE", Name: name})
		case name == "email" && value != "" && !validEmail(value):
			refusals = append(refusals, refusal{Message: "Email address " + value + " is invalid", Error: "INVALID_EMAIL", Name: name})
		case len(definition.options) > 0 && value != "" && !slices.Contains(definition.options, value):
			refusals = append(refusals, refusal{Message: value + " was not one of the allowed options", Error: "INVALID_OPTION", Name: name})
		case definition.unique && value != "" && s.taken(c, name, value):
			refusals = append(refusals, refusal{Message: "Another object already has that value.", Error: "CONFLICTING_UNIQUE_VALUE", Name: name})
		case name == "hs_pipeline_stage" && !inPipeline(c, values):
			refusals = append(refusals, refusal{Message: value + " is no stage of the ticket's pipeline", Error: "INVALID_OPTION", Name: name})
		}
	}
	return refusals
}

// validEmail is HubSpot's rule as far as it is documented: RFC 2822 without quotation marks, and a domain with a dot.
func validEmail(text string) bool {
	text = strings.TrimSpace(text)
	address, err := mail.ParseAddress(text)
	if err != nil || address.Address != text || strings.Contains(text, `"`) {
		return false
	}
	_, domain, _ := strings.Cut(text, "@")
	return strings.Contains(strings.Trim(domain, "."), ".") && !strings.HasSuffix(domain, ".")
}

func (s *table) taken(c *Object, name, value string) bool {
	owner := s.by(name, value)
	return owner != nil && owner.ID != c.ID
}

// back says whether a change of stage is one that the API ignores.
func (s *table) back(from, to string) bool {
	options := s.properties["lifecyclestage"].options
	return to != "" && slices.Index(options, to) < slices.Index(options, from)
}

// normalise is what HubSpot makes of a value before it stores it.
func (s *table) normalise(name, value string) string {
	if s.options.Verbatim || name != "email" {
		return value
	}
	return strings.ToLower(strings.TrimSpace(value))
}

// defineProperty makes a property of the account's own: the set-up call for the unique one that keeps our record ids.
func (s *table) defineProperty(r *http.Request) reply {
	var in struct {
		Name           string `json:"name"`
		HasUniqueValue bool   `json:"hasUniqueValue"`
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.Name == "" {
		return s.malformed()
	}
	if _, ok := s.properties[in.Name]; ok {
		return s.problem(http.StatusConflict, "OBJECT_ALREADY_EXISTS", "A property named "+strconv.Quote(in.Name)+" already exists.")
	}
	s.properties[in.Name] = property{unique: in.HasUniqueValue}
	return reply{http.StatusCreated, map[string]any{"name": in.Name, "hasUniqueValue": in.HasUniqueValue}}
}

func (s *table) readProperty(r *http.Request) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	definition, ok := s.properties[r.PathValue("name")]
	if !ok {
		return s.notFound()
	}
	return reply{http.StatusOK, map[string]any{"name": r.PathValue("name"), "hasUniqueValue": definition.unique}}
}
