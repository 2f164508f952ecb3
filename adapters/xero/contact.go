package xero

import (
	"net/url"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/normal"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// Xero's two addresses of a contact: where invoices go, and where the contact is to be found.
const (
	postal   = "POBOX"
	physical = "STREET"
)

// contacts is the mapping of contacts, one row an attribute. Nothing changes it.
var contacts = &kind{
	name: customer, one: "contact", many: "Contacts", id: "ContactID", maxPage: 500, archives: true, deletes: true,
	asked: url.Values{}, listed: url.Values{"includeArchived": {"true"}, "order": {"ContactID"}},
	message: func() proto.Message { return &canonicalv1.Customer{} },
	rows: append(append([]row{
		mapped("name", "FirstName", readName, writeName).required("a contact always has a name").
			losing("Prefix, middle name and suffix are not held, and blanks are evened out; beside a company, a name without parts is cut at its last word."),
		mapped("company", "Name", readCompany, writeCompany).
			losing("Xero's name of the contact, where that is not its person's; blanks are evened out. One that is named as the person is not told apart."),
		plain("email", "EmailAddress", 255, (*canonicalv1.Customer).GetEmail, func(c *canonicalv1.Customer, v string) { c.Email = &v }),
		telephone("phone", "DEFAULT", (*canonicalv1.Customer).GetPhone, func(c *canonicalv1.Customer, v string) { c.Phone = &v }),
		telephone("mobile_phone", "MOBILE", (*canonicalv1.Customer).GetMobilePhone, func(c *canonicalv1.Customer, v string) { c.MobilePhone = &v }),
	},
		append(addressRows("billing_address", postal, billing), addressRows("shipping_address", physical, shipping)...)...),
		mapped("currency_code", "DefaultCurrency", readDefaultCurrency, func(c *canonicalv1.Customer, w fields) string {
			w["DefaultCurrency"] = c.GetCurrencyCode()
			return ""
		}).required("Xero takes no currency away from a contact").losing("Xero takes the currencies that the organisation has."),
		mapped("tax_ids", "TaxNumber", readTaxNumber, writeTaxNumber).losing("One number, without its country, and with a type in the United States alone."),
		mapped("custom.is_customer", "IsCustomer", func(r *reading, c *canonicalv1.Customer) { flag(r, c, "is_customer", "IsCustomer") }, nil).
			losing("Set by Xero with the first sales invoice, which does not count as a change of the contact."),
		mapped("custom.is_supplier", "IsSupplier", func(r *reading, c *canonicalv1.Customer) { flag(r, c, "is_supplier", "IsSupplier") }, nil).
			losing("Set by Xero with the first bill, which does not count as a change of the contact."),
	),
	own: []string{
		"ContactID", "MergedToContactID", "ContactNumber", "AccountNumber", "ContactStatus", "LastName", "CompanyNumber", "SkypeUserName", "ContactPersons",
		"BankAccountDetails", "TaxNumberType", "AccountsReceivableTaxType", "AccountsPayableTaxType", "Addresses", "Phones", "UpdatedDateUTC", "UpdatedDateUTCString",
		"SalesDefaultLineAmountType", "PurchasesDefaultLineAmountType", "XeroNetworkKey", "SalesDefaultAccountCode", "PurchasesDefaultAccountCode",
		"SalesTrackingCategories", "PurchasesTrackingCategories", "TrackingCategoryName", "TrackingCategoryOption", "PaymentTerms", "ContactGroups", "Website",
		"BrandingTheme", "BatchPayments", "Discount", "Balances", "Attachments", "HasAttachments", "ValidationErrors", "HasValidationErrors", "HasErrors",
		"StatusAttributeString", "Warnings",
	},
	gone: func(o *object) end {
		status := o.text("ContactStatus")
		return end{gone: status == archived || status == forgotten, erased: status == forgotten, into: o.text("MergedToContactID")}
	},
	recordID: func(o *object) string { return o.text("ContactNumber") },
	create: func(_ *api, recordID string, w fields) string {
		if blank(w["name"]) && blank(w["company"]) {
			return "Xero takes no contact without a name"
		}
		w["ContactNumber"] = recordID
		return ""
	},
	locked: func(*object) string { return "" },
	settle: settleContact,
	lacks:  map[adapters.Ability]string{},
}

// A contact's states beside ACTIVE: out of use, since a merge too, and one whose person asked to be forgotten.
const (
	archived  = "ARCHIVED"
	forgotten = "GDPRREQUEST"
)

// settleContact brings names, numbers and addresses into Xero's form. Of a slot that is written all is sent, and of the
// others nothing: Xero leaves those as they are.
func settleContact(_ *api, now *object, w fields) (fields, map[string]string) {
	out := fields{}
	for field, value := range w {
		switch field {
		case "name", "company":
			for each, name := range settleNames(now, w) {
				out[each] = name
			}
		case "Phones":
			out[field] = slots(now, phones, value.(fields))
		case "Addresses":
			out[field] = slots(now, addresses, value.(fields))
		default:
			out[field] = value
		}
	}
	return out, nil
}

func readDefaultCurrency(r *reading, c *canonicalv1.Customer) {
	raw := r.text("DefaultCurrency")
	switch {
	case currency.MatchString(raw):
		c.CurrencyCode = &raw
	case raw != "":
		r.unusable("currency_code", raw, "it is no currency's code")
	}
}

func readTaxNumber(r *reading, c *canonicalv1.Customer) {
	if value := strings.TrimSpace(r.text("TaxNumber")); value != "" {
		c.TaxIds = []*canonicalv1.TaxId{{Type: r.text("TaxNumberType"), Value: value}}
	}
}

func writeTaxNumber(c *canonicalv1.Customer, w fields) string {
	ids := c.GetTaxIds()
	if len(ids) > 1 {
		return "Xero keeps one tax number"
	}
	w["TaxNumber"] = ""
	if len(ids) == 1 {
		w["TaxNumber"] = ids[0].GetValue()
	}
	return tooLong(w["TaxNumber"].(string), 50)
}

func flag(r *reading, c *canonicalv1.Customer, name, field string) {
	is := r.text(field)
	if is != "true" && is != "false" {
		return
	}
	if c.Custom == nil {
		c.Custom = map[string]*canonicalv1.CustomValue{}
	}
	c.Custom[name] = &canonicalv1.CustomValue{Value: &canonicalv1.CustomValue_Flag{Flag: is == "true"}}
}

// telephone maps one of Xero's telephone numbers. It is written whole, into the number's own field.
func telephone(path, slot string, get func(*canonicalv1.Customer) string, set func(*canonicalv1.Customer, string)) row {
	return mapped(path, "Phones",
		func(r *reading, c *canonicalv1.Customer) {
			is, ok := r.slot(path, phones, slot)
			raw := dialled(is)
			if !ok || raw == "" {
				return
			}
			e164, err := normal.Phone(raw, r.options.Country)
			if err != nil {
				r.unusable(path, raw, err.Error())
				return
			}
			set(c, e164)
		},
		func(c *canonicalv1.Customer, w fields) string {
			part(w, "Phones", slot)["PhoneNumber"] = get(c)
			return ""
		})
}

// dialled is a number as it is dialled: with the country's code and the area's, where they are kept apart.
func dialled(slot map[string]string) string {
	number := strings.TrimSpace(slot["PhoneNumber"])
	if number == "" {
		return ""
	}
	if country := strings.TrimLeft(digits(slot["PhoneCountryCode"]), "0"); country != "" {
		return "+" + country + " " + slot["PhoneAreaCode"] + " " + number
	}
	return strings.TrimSpace(slot["PhoneAreaCode"] + " " + number)
}

func digits(text string) string {
	return strings.Map(func(c rune) rune {
		if c < '0' || '9' < c {
			return -1
		}
		return c
	}, text)
}
