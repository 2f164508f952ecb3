package sandbox

import (
	"regexp"
	"slices"
)

// sort is what a field holds.
type sort string

const (
	texts    sort = "text"
	email    sort = "email"
	flags    sort = "boolean"
	numbers  sort = "double"
	date     sort = "date"
	datetime sort = "dateTime"
	ids      sort = "id"
)

// field is a column.
type field struct {
	sort sort
	// max is the longest text.
	max int
	// locked says that no client writes it.
	locked bool
	// parent is what queries call the object that an id leads to.
	parent string
}

func text(max int) field { return field{sort: texts, max: max} }

func reads(of sort) field { return field{sort: of, max: 255, locked: true} }

func lookup(parent string) field { return field{sort: ids, parent: parent} }

// schema is one object's columns.
type schema struct {
	prefix string
	fields map[string]field
	// required are those without which no row is made.
	required []string
	// external says that it has the field for another system's id.
	external bool
}

// schemas are the objects of the org.
var schemas = map[string]schema{
	"Account": {prefix: "001", external: true, required: []string{"Name"}, fields: with(map[string]field{
		"Name": text(255), "Phone": text(40), "Description": text(32000), "MasterRecordId": {sort: ids, locked: true}, "OwnerId": lookup("Owner"),
	}, address("Billing"), address("Shipping"))},
	"Contact": {prefix: "003", external: true, required: []string{"LastName"}, fields: with(map[string]field{
		"Name": reads(texts), "FirstName": text(40), "LastName": text(80), "Salutation": text(40), "Email": {sort: email, max: 80}, "Phone": text(40),
		"MobilePhone": text(40), "Description": text(32000), "AccountId": lookup("Account"), "MasterRecordId": {sort: ids, locked: true}, "OwnerId": lookup("Owner"),
	}, address("Mailing"))},
	"Case": {prefix: "500", external: true, fields: with(map[string]field{
		"CaseNumber": reads(texts), "Subject": text(255), "Description": text(32000), "Status": text(255), "Priority": text(255), "Type": text(255),
		"Origin": text(255), "IsClosed": reads(flags), "ClosedDate": reads(datetime), "ContactId": lookup("Contact"), "AccountId": lookup("Account"),
		"OwnerId": lookup("Owner"), "MasterRecordId": {sort: ids, locked: true},
	})},
	"Order": {prefix: "801", external: true, required: []string{"AccountId", "EffectiveDate", "Status"}, fields: with(map[string]field{
		"OrderNumber": reads(texts), "OrderReferenceNumber": text(80), "Status": text(255), "StatusCode": reads(texts), "EffectiveDate": {sort: date},
		"TotalAmount": reads(numbers), "Description": text(32000), "AccountId": lookup("Account"), "BillToContactId": lookup("BillToContact"), "OwnerId": lookup("Owner"),
	}, address("Billing"), address("Shipping"))},
	"OrderItem": {prefix: "802", required: []string{"OrderId", "Quantity", "UnitPrice", "PricebookEntryId"}, fields: with(map[string]field{
		"OrderId": lookup("Order"), "Quantity": {sort: numbers}, "UnitPrice": {sort: numbers}, "TotalPrice": reads(numbers), "Description": text(255),
		"ServiceDate": {sort: date}, "EndDate": {sort: date}, "PricebookEntryId": lookup("PricebookEntry"), "Product2Id": lookup("Product2"),
	})},
	"Product2": {prefix: "01t", required: []string{"Name"}, fields: with(map[string]field{
		"Name": text(255), "ProductCode": text(255), "StockKeepingUnit": text(180),
	})},
	"PricebookEntry": {prefix: "01u", fields: with(map[string]field{"Product2Id": lookup("Product2"), "UnitPrice": {sort: numbers}})},
	"User":           {prefix: "005", fields: with(map[string]field{"Name": text(121)})},
	"Group":          {prefix: "00G", fields: with(map[string]field{"Name": text(40)})},
}

func address(of string) map[string]field {
	return map[string]field{
		of + "Street": text(255), of + "City": text(40), of + "State": text(80), of + "PostalCode": text(20), of + "Country": text(80),
	}
}

// with adds the columns that every object has.
func with(all ...map[string]field) map[string]field {
	out := map[string]field{
		"Id": {sort: ids, locked: true}, "IsDeleted": reads(flags), "CreatedDate": reads(datetime), "LastModifiedDate": reads(datetime), "SystemModstamp": reads(datetime),
	}
	for _, fields := range all {
		for name, f := range fields {
			out[name] = f
		}
	}
	return out
}

// childOf are the objects that queries of another can hold, by the name that they have there.
var childOf = map[string]struct{ sobject, by string }{"OrderItems": {"OrderItem", "OrderId"}}

// fieldsOf are an object's columns in this org, and their names in their own letter case.
func fieldsOf(name string, o Options) map[string]field {
	out := map[string]field{}
	for name, f := range schemas[name].fields {
		out[name] = f
	}
	if schemas[name].external {
		out[o.ExternalID] = text(50)
	}
	if o.Currencies && slices.Contains([]string{"Account", "Contact", "Order", "OrderItem"}, name) {
		out["CurrencyIsoCode"] = text(3)
	}
	return out
}

var (
	emailForm  = regexp.MustCompile(`^[^@\s]+@[^@\s]+\.[^@\s]+$`)
	dateForm   = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)
	numberForm = regexp.MustCompile(`^-?[0-9]{1,18}(\.[0-9]{1,9})?$`)
)
