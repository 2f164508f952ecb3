package sandbox

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/mail"
	"regexp"
	"slices"
	"strings"
)

// States of a contact.
const (
	active    = "ACTIVE"
	archived  = "ARCHIVED"
	forgotten = "GDPRREQUEST"
)

// texts are a contact's fields that clients write, and how long they may be.
var texts = map[string]int{
	"ContactNumber": 50, "AccountNumber": 50, "Name": 255, "FirstName": 255, "LastName": 255, "CompanyNumber": 50, "EmailAddress": 255, "TaxNumber": 50,
	"DefaultCurrency": 3, "BankAccountDetails": 255, "ContactStatus": 11, "Website": 500,
}

// currencies are those of the organisation.
var currencies = []string{"NZD", "EUR", "USD", "GBP"}

func blankContact() *Object {
	return &Object{Fields: map[string]any{
		"ContactStatus": active, "EmailAddress": "", "BankAccountDetails": "", "Addresses": map[string]map[string]string{}, "Phones": map[string]map[string]string{},
		"ContactGroups": []any{}, "ContactPersons": []any{}, "SalesTrackingCategories": []any{}, "PurchasesTrackingCategories": []any{},
		"IsCustomer": false, "IsSupplier": false, "HasAttachments": false, "HasValidationErrors": false,
	}}
}

// named is the contact in use that has a name; nil where there is none.
func (s *Server) named(name string) *Object {
	for _, id := range sortedKeys(s.tables[contacts].objects) {
		if o := s.tables[contacts].objects[id]; name != "" && o.Text("ContactStatus") == active && strings.EqualFold(o.Text("Name"), tidy(name)) {
			return o
		}
	}
	return nil
}

func tidy(text string) string { return strings.Join(strings.Fields(text), " ") }

func (s *Server) judgeContact(w write) (*Object, func(), []string) {
	o, category := w.to, "UPDATE"
	if o == nil {
		o, category = blankContact(), "CREATE"
	} else if o.Text("ContactStatus") != active {
		return o, nil, []string{"The specified contact details matched an archived contact. Archived contacts cannot currently be edited via the API."}
	}
	next := maps.Clone(o.Fields)
	for name, raw := range w.in {
		if _, ok := texts[name]; ok {
			next[name] = strings.TrimSpace(textOf(raw))
		}
	}
	next["Name"], next["FirstName"], next["LastName"] = tidy(textIn(next, "Name")), tidy(textIn(next, "FirstName")), tidy(textIn(next, "LastName"))
	for list := range slotted {
		if raw, ok := w.in[list]; ok {
			next[list] = mergedSlots(list, next[list].(map[string]map[string]string), raw)
		}
	}
	if errors := s.wrongContact(o, next); len(errors) > 0 {
		return o, nil, errors
	}
	return o, func() {
		if o.ID == "" {
			o.ID = uuid()
			s.tables[contacts].objects[o.ID] = o
		}
		o.Fields, o.Changed = next, s.now()
		s.tell("CONTACT", category, o)
	}, nil
}

func textIn(f map[string]any, name string) string {
	text, _ := f[name].(string)
	return text
}

// mergedSlots are a list's slots with what is sent for some of them.
func mergedSlots(list string, is map[string]map[string]string, raw json.RawMessage) map[string]map[string]string {
	var sent []map[string]json.RawMessage
	_ = json.Unmarshal(raw, &sent) // what is no list changes nothing
	next, of := map[string]map[string]string{}, slotted[list]
	for kind, slot := range is {
		next[kind] = maps.Clone(slot)
	}
	for _, slot := range sent {
		kind := textOf(slot[of.kind])
		if !slices.Contains(of.kinds, kind) {
			continue
		}
		if next[kind] == nil {
			next[kind] = map[string]string{}
		}
		for _, part := range of.parts {
			if value, ok := slot[part]; ok {
				next[kind][part] = strings.TrimSpace(textOf(value))
			}
		}
	}
	return next
}

var letters = regexp.MustCompile(`^[A-Za-z ]*$`)

// wrongContact says what is wrong with a contact. Like Xero, it quotes values.
func (s *Server) wrongContact(o *Object, next map[string]any) []string {
	var errors []string
	say := func(is bool, format string, args ...any) {
		if is {
			errors = append(errors, fmt.Sprintf(format, args...))
		}
	}
	name, number, email := textIn(next, "Name"), textIn(next, "ContactNumber"), textIn(next, "EmailAddress")
	say(name == "", "The Contact Name cannot be empty.")
	say(strings.ContainsAny(name+textIn(next, "FirstName")+textIn(next, "LastName"), "<>"), "The contact name %s must not have angle brackets.", name)
	for field, most := range texts {
		say(len([]rune(textIn(next, field))) > most, "The %s exceeds the maximum length of %d.", field, most)
	}
	other := s.named(name)
	say(other != nil && other != o && textIn(next, "ContactStatus") == active,
		"The contact name %s is already assigned to another contact. The contact name must be unique across all active contacts.", name)
	if number != "" {
		for _, id := range sortedKeys(s.tables[contacts].objects) {
			each := s.tables[contacts].objects[id]
			say(each != o && each.Text("ContactNumber") == number, "The contact number %s is already assigned to another contact.", number)
		}
	}
	if email != "" {
		address, err := mail.ParseAddress(email)
		say(err != nil || address.Address != email, "Email address must be valid.")
	}
	currency := textIn(next, "DefaultCurrency")
	say(currency != "" && !slices.Contains(currencies, currency), "Organisation is not subscribed to currency %s", currency)
	for _, slot := range next["Addresses"].(map[string]map[string]string) {
		say(!letters.MatchString(slot["Country"]), "The country %s must have letters only.", slot["Country"])
	}
	return errors
}
