package xero

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/mapping"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// contacts is the mapping of contacts, one row an attribute.
func (o options) contacts() *kind {
	return &kind{
		Kind: mapping.Kind{
			Name: customer, Vendor: "Xero", IsID: isID, Sparse: true, Guarded: true, Complete: completeContact,
			Message: func() proto.Message { return &canonicalv1.Customer{} },
			Rows: slices.Concat([]mapping.Row{
				mapping.Of("name", []string{"FirstName", "LastName"}, readName, writeName).
					Losing("Prefix, middle name and suffix are not held, and blanks are evened out; beside a company, a name without parts is cut at its last word."),
				mapping.Of("company", []string{"Name"}, readCompany, writeCompany).
					Losing("Xero's name of the contact, where that is not its person's; blanks are evened out. One that is named as the person is not told apart."),
				mapping.Plain("email", "EmailAddress").AtMost(255),
				o.telephone("phone", "DEFAULT"),
				o.telephone("mobile_phone", "MOBILE"),
			}, addressRows("billing_address", postal), addressRows("shipping_address", physical), []mapping.Row{
				mapping.Currency("currency_code", "DefaultCurrency").Required("Xero takes no currency away from a contact").
					Losing("Xero takes the currencies that the organisation has."),
				mapping.Of("tax_ids", []string{"TaxNumber", "TaxNumberType"}, readTaxNumber, writeTaxNumber).AtMost(50).
					Losing("One number, without its country, and with a type in the United States alone."),
				flag("is_customer", "IsCustomer").Losing("Set by Xero with the first sales invoice, which does not count as a change of the contact."),
				flag("is_supplier", "IsSupplier").Losing("Set by Xero with the first bill, which does not count as a change of the contact."),
			}),
			Own: []string{
				"ContactID", "MergedToContactID", "ContactNumber", "AccountNumber", "ContactStatus", "CompanyNumber", "SkypeUserName", "ContactPersons",
				"BankAccountDetails", "AccountsReceivableTaxType", "AccountsPayableTaxType", "UpdatedDateUTC", "UpdatedDateUTCString",
				"SalesDefaultLineAmountType", "PurchasesDefaultLineAmountType", "XeroNetworkKey", "SalesDefaultAccountCode", "PurchasesDefaultAccountCode",
				"SalesTrackingCategories", "PurchasesTrackingCategories", "TrackingCategoryName", "TrackingCategoryOption", "PaymentTerms", "ContactGroups", "Website",
				"BrandingTheme", "BatchPayments", "Discount", "Balances", "Attachments", "HasAttachments", "ValidationErrors", "HasValidationErrors", "HasErrors",
				"StatusAttributeString", "Warnings",
			},
		},
		many: "Contacts", id: "ContactID", maxPage: 500,
		asked: url.Values{}, listed: url.Values{"includeArchived": {"true"}, "order": {"ContactID"}},
		gone: func(o *object) bool {
			return o.text("ContactStatus") == archived || o.text("ContactStatus") == forgotten
		},
		recordID: func(o *object) string { return o.text("ContactNumber") },
		settle:   settleContact,
	}
}

// A contact's states beside ACTIVE: out of use, since a merge too, and one whose person asked to be forgotten.
const (
	archived  = "ARCHIVED"
	forgotten = "GDPRREQUEST"
)

func completeContact(p adapters.Patch, w fields) (fields, string) {
	if w["name"] == nil && w["company"] == nil {
		return nil, "Xero takes no contact without a name"
	}
	return fields{"ContactNumber": p.RecordID}, ""
}

// settleContact brings names, numbers and addresses into Xero's form. Of a slot that is written all is sent, and of the
// others nothing: Xero leaves those as they are.
func settleContact(now *object, c change, _ *fault.Error) fields {
	out := maps.Clone(c.object)
	if out["name"] != nil || out["company"] != nil {
		maps.Copy(out, settleNames(now, out))
		delete(out, "name")
		delete(out, "company")
	}
	for _, l := range []list{phones, addresses} {
		if w, ok := out[l.field].(fields); ok {
			out[l.field] = l.settle(now, w)
		}
	}
	return out
}

func readTaxNumber(r *mapping.Reading, c *canonicalv1.Customer) {
	if value := strings.TrimSpace(r.Text("TaxNumber")); value != "" {
		c.TaxIds = []*canonicalv1.TaxId{{Type: r.Text("TaxNumberType"), Value: value}}
	}
}

func writeTaxNumber(c *canonicalv1.Customer, w fields) string {
	w["TaxNumber"] = ""
	for i, id := range c.GetTaxIds() {
		if i > 0 {
			return "Xero keeps one tax number"
		}
		w["TaxNumber"] = id.GetValue()
	}
	return ""
}

func flag(name, field string) mapping.Row {
	return mapping.Of("custom."+name, []string{field}, func(r *mapping.Reading, c *canonicalv1.Customer) {
		if is := r.Text(field); is == "true" || is == "false" {
			c.Custom = map[string]*canonicalv1.CustomValue{name: {Value: &canonicalv1.CustomValue_Flag{Flag: is == "true"}}}
		}
	}, nil)
}

// telephone maps one of Xero's telephone numbers. It is written whole, into the number's own field.
func (o options) telephone(path, slot string) mapping.Row {
	row := mapping.Plain(path, "PhoneNumber")
	row.Read = func(r *mapping.Reading, m proto.Message) { r.Phone(m, dialled(r), o.Country) }
	return phones.row(slot, row)
}

// dialled is a number as it is dialled: with the country's code and the area's, where they are kept apart.
func dialled(r *mapping.Reading) string {
	number := strings.TrimSpace(r.Text("PhoneNumber"))
	if number == "" {
		return ""
	}
	number = strings.TrimSpace(r.Text("PhoneAreaCode") + " " + number)
	if country := strings.TrimLeft(digits(r.Text("PhoneCountryCode")), "0"); country != "" {
		return "+" + country + " " + number
	}
	return number
}

func digits(text string) string {
	return strings.Map(func(c rune) rune {
		if c < '0' || '9' < c {
			return -1
		}
		return c
	}, text)
}
