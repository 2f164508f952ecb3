package sandbox

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"time"

	"github.com/shopspring/decimal"
)

// What Xero calls its objects.
const (
	contacts = "Contacts"
	invoices = "Invoices"
)

// Object is a contact or an invoice as Xero keeps it.
type Object struct {
	ID string
	// Fields as they are on the wire, without id and time. Values are text, bool, decimal.Decimal, time.Time for dates,
	// map[string]map[string]string for addresses and telephone numbers by type, []Line for lines.
	Fields map[string]any
	// Changed is in milliseconds.
	Changed time.Time
}

// Line is a line of an invoice.
type Line struct {
	ID, Description, ItemCode, AccountCode, TaxType string
	Quantity, UnitAmount, LineAmount, TaxAmount     decimal.Decimal
	DiscountRate, DiscountAmount                    *decimal.Decimal
	Tracking                                        json.RawMessage
}

// Text is a field that is a text; empty where it is none.
func (o *Object) Text(name string) string {
	text, _ := o.Fields[name].(string)
	return text
}

// Number is a field that is a number; zero where it is none.
func (o *Object) Number(name string) decimal.Decimal {
	number, _ := o.Fields[name].(decimal.Decimal)
	return number
}

// Slot is a part of an address or a telephone number: Slot("Phones", "MOBILE", "PhoneNumber").
func (o *Object) Slot(list, kind, part string) string {
	slots, _ := o.Fields[list].(map[string]map[string]string)
	return slots[kind][part]
}

// Lines are an invoice's.
func (o *Object) Lines() []Line {
	lines, _ := o.Fields["LineItems"].([]Line)
	return lines
}

func (o *Object) clone() Object {
	copied := *o
	copied.Fields = maps.Clone(o.Fields)
	return copied
}

// table is all objects of a kind.
type table struct {
	id, number string // fields
	objects    map[string]*Object
}

func newTable(id, number string) *table {
	return &table{id: id, number: number, objects: map[string]*Object{}}
}

// find is the object with an id, or else with a number; nil where there is none.
func (t *table) find(name string) *Object {
	if o := t.objects[name]; o != nil {
		return o
	}
	for _, id := range sortedKeys(t.objects) {
		if o := t.objects[id]; name != "" && o.Text(t.number) == name {
			return o
		}
	}
	return nil
}

// slotted are the lists with a slot for each type, and the parts of one.
var slotted = map[string]struct {
	kind         string
	kinds, parts []string
}{
	"Addresses": {"AddressType", []string{"STREET", "POBOX"}, []string{"AddressLine1", "AddressLine2", "AddressLine3", "AddressLine4", "City", "Region", "PostalCode", "Country", "AttentionTo"}},
	"Phones":    {"PhoneType", []string{"DEFAULT", "DDI", "FAX", "MOBILE"}, []string{"PhoneNumber", "PhoneAreaCode", "PhoneCountryCode"}},
}

// form is how much of an object is shown.
type form string

const (
	whole   form = "whole"
	short   form = "short"   // summaryOnly
	unpaged form = "unpaged" // a list without pages
)

// render is an object on the wire. What has no value is left out, but for a few fields that never are.
func (s *Server) render(many string, o *Object, how form, unitdp int32) map[string]any {
	out := map[string]any{s.tables[many].id: o.ID, "UpdatedDateUTC": stamp(o.Changed)}
	for name, value := range o.Fields {
		switch value := value.(type) {
		case string:
			if value != "" || name == "EmailAddress" || name == "BankAccountDetails" || name == "Reference" {
				out[name] = value
			}
		case decimal.Decimal:
			out[name] = json.Number(value.StringFixed(2))
		case time.Time:
			if out[name] = stamp(value); name != "FullyPaidOnDate" {
				out[name+"String"] = value.Format("2006-01-02T15:04:05")
			}
		case map[string]map[string]string:
			out[name] = renderSlots(name, value)
		case []Line:
			out[name] = renderLines(value, unitdp)
		default:
			out[name] = value
		}
	}
	if many == invoices {
		delete(out, "ContactID")
		out["Contact"] = s.renderPayer(o)
		out["UpdatedDateUTCString"] = o.Changed.Format("2006-01-02T15:04:05.000")
	}
	s.shorten(many, out, how)
	return out
}

// shorten takes out what a form does not show.
func (s *Server) shorten(many string, out map[string]any, how form) {
	hidden := map[form][]string{
		short:   {"Addresses", "Phones", "ContactPersons", "BatchPayments", "LineItems", "Payments", "CreditNotes", "Prepayments", "Overpayments", "HasAttachments"},
		unpaged: {"MergedToContactID", "ContactPersons", "SalesDefaultLineAmountType", "LineItems"},
	}
	for _, name := range hidden[how] {
		delete(out, name)
	}
	if many == invoices && how == unpaged {
		out["LineItems"] = []any{}
	}
}

func renderSlots(name string, slots map[string]map[string]string) []map[string]string {
	of := slotted[name]
	var list []map[string]string
	for _, kind := range of.kinds {
		slot := map[string]string{of.kind: kind}
		for _, part := range of.parts {
			if value := slots[kind][part]; value != "" || name == "Phones" {
				slot[part] = value
			}
		}
		list = append(list, slot)
	}
	return list
}

func renderLines(lines []Line, unitdp int32) []map[string]any {
	list := []map[string]any{}
	for _, l := range lines {
		out := map[string]any{
			"LineItemID": l.ID, "Description": l.Description, "Quantity": json.Number(l.Quantity.StringFixed(4)), "UnitAmount": json.Number(l.UnitAmount.StringFixed(unitdp)),
			"LineAmount": json.Number(l.LineAmount.StringFixed(2)), "TaxAmount": json.Number(l.TaxAmount.StringFixed(2)), "TaxType": l.TaxType, "Tracking": []any{},
		}
		for name, value := range map[string]string{"AccountCode": l.AccountCode, "ItemCode": l.ItemCode} {
			if value != "" {
				out[name] = value
			}
		}
		for name, value := range map[string]*decimal.Decimal{"DiscountRate": l.DiscountRate, "DiscountAmount": l.DiscountAmount} {
			if value != nil {
				out[name] = json.Number(value.StringFixed(2))
			}
		}
		if l.Tracking != nil {
			out["Tracking"] = l.Tracking
		}
		list = append(list, out)
	}
	return list
}

// renderPayer is the short contact in an invoice.
func (s *Server) renderPayer(o *Object) map[string]any {
	id := o.Text("ContactID")
	out := map[string]any{"ContactID": id, "Addresses": []any{}, "Phones": []any{}, "ContactGroups": []any{}, "ContactPersons": []any{}, "HasValidationErrors": false}
	if payer := s.tables[contacts].objects[id]; payer != nil {
		out["Name"] = payer.Text("Name")
	}
	return out
}

// stamp is Xero's way to write a time.
func stamp(t time.Time) string { return fmt.Sprintf("/Date(%d+0000)/", t.UnixMilli()) }

func uuid() string {
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", rand.Uint32(), rand.Uint32()&0xffff, rand.Uint32()&0xfff, rand.Uint32()&0xfff, rand.Uint64()&0xffffffffffff)
}

// Objects are all of a kind ("Contacts", "Invoices") that are in use, oldest first: contacts that are not archived, and
// sales invoices.
func (s *Server) Objects(many string) []Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Object
	for _, o := range s.sorted(many, "UpdatedDateUTC", ascending) {
		if many == contacts && o.Text("ContactStatus") == "ACTIVE" || many == invoices && o.Text("Type") == "ACCREC" {
			all = append(all, o.clone())
		}
	}
	return all
}

// Object is one of a kind, archived ones too.
func (s *Server) Object(many, id string) (Object, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.tables[many].objects[id]; o != nil {
		return o.clone(), true
	}
	return Object{}, false
}
