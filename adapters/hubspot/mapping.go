package hubspot

import (
	"maps"
	"slices"
	"strings"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/normal"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// recordIDProperty is the unique property that keeps our record id.
const recordIDProperty = "canonhub_id"

// row maps one attribute to the properties that hold it.
type row struct {
	path       string
	properties []string
	// read takes the attribute from the properties.
	read func(*reading)
	// write gives the properties' values, in their order; "" clears. A refusal is why HubSpot cannot hold the value. Nil
	// where HubSpot alone sets the attribute.
	write func(*canonicalv1.Customer) (values []string, refusal string)
	// loss is what is lost where HubSpot holds the attribute less exactly.
	loss string
}

// mapping is all of it, one row an attribute. Nothing changes it.
var mapping = []row{
	text("email", "email", (*canonicalv1.Customer).GetEmail, func(c *canonicalv1.Customer, v string) { c.Email = &v },
		"HubSpot keeps addresses in lower case."),
	{path: "name", properties: []string{"firstname", "lastname"}, read: readName, write: writeName,
		loss: "Kept as first and last name: prefix, middle name and suffix are not held, and a name without parts is cut at its last word."},
	number("phone", "phone", (*canonicalv1.Customer).GetPhone, func(c *canonicalv1.Customer, v string) { c.Phone = &v }),
	number("mobile_phone", "mobilephone", (*canonicalv1.Customer).GetMobilePhone, func(c *canonicalv1.Customer, v string) { c.MobilePhone = &v }),
	text("company", "company", (*canonicalv1.Customer).GetCompany, func(c *canonicalv1.Customer, v string) { c.Company = &v }, ""),
	part("billing_address.line1", "address", (*canonicalv1.Address).GetLine1, func(a *canonicalv1.Address, v string) { a.Line1 = &v }),
	part("billing_address.city", "city", (*canonicalv1.Address).GetCity, func(a *canonicalv1.Address, v string) { a.City = &v }),
	part("billing_address.region", "state", (*canonicalv1.Address).GetRegion, func(a *canonicalv1.Address, v string) { a.Region = &v }),
	part("billing_address.postal_code", "zip", (*canonicalv1.Address).GetPostalCode, func(a *canonicalv1.Address, v string) { a.PostalCode = &v }),
	{path: "billing_address.country_code", properties: []string{"country"}, read: readCountryCode, write: writeCountry,
		loss: "Kept as text, written as the country's English name."},
	{path: "billing_address.country_name", properties: []string{"country"}, read: readCountryName,
		loss: "The one text has either a country that we know or another name; the latter is read and not written."},
	{path: "lifecycle_stage", properties: []string{"lifecyclestage"}, read: readStage, write: writeStage,
		loss: "HubSpot has no stage for a former customer; a stage that moves back is cleared first, which HubSpot's history shows."},
	{path: "locale", properties: []string{"hs_language"}, read: readLocale, write: writeLocale,
		loss: "HubSpot takes the languages of its own list alone."},
	{path: "further_emails", properties: []string{"hs_additional_emails"}, read: readFurtherEmails},
	{path: "account_owner", properties: []string{"hubspot_owner_id"}, read: readOwner},
}

// text maps a text to a property as it is.
func text(path, property string, get func(*canonicalv1.Customer) string, set func(*canonicalv1.Customer, string), loss string) row {
	return row{path: path, properties: []string{property}, loss: loss,
		read: func(r *reading) {
			if v := r.value(property); v != "" {
				set(r.customer, v)
			}
		},
		write: func(c *canonicalv1.Customer) ([]string, string) { return []string{get(c)}, "" },
	}
}

// part maps a part of the billing address.
func part(path, property string, get func(*canonicalv1.Address) string, set func(*canonicalv1.Address, string)) row {
	return text(path, property,
		func(c *canonicalv1.Customer) string { return get(c.GetBillingAddress()) },
		func(c *canonicalv1.Customer, v string) { set(address(c), v) }, "")
}

// number maps a telephone number. HubSpot keeps any text; one without a country code belongs to the contact's country.
func number(path, property string, get func(*canonicalv1.Customer) string, set func(*canonicalv1.Customer, string)) row {
	mapped := text(path, property, get, set, "")
	mapped.read = func(r *reading) {
		raw := strings.TrimSpace(r.value(property))
		e164, err := normal.Phone(raw, r.country())
		switch {
		case err != nil:
			r.unusable(path, raw, err.Error())
		case e164 != "":
			set(r.customer, e164)
		}
	}
	return mapped
}

func address(c *canonicalv1.Customer) *canonicalv1.Address {
	if c.BillingAddress == nil {
		c.BillingAddress = &canonicalv1.Address{}
	}
	return c.BillingAddress
}

// carriage is the mapping as the contract tells it.
func carriage() adapters.Carriage {
	c := adapters.Carriage{Kind: customer, Create: true, Archive: true, Pull: pulls, Losses: map[string]string{}, Lacks: map[adapters.Ability]string{
		adapters.PullsDeletes: "HubSpot's search passes over archived contacts.",
	}}
	for _, r := range mapping {
		c.In = append(c.In, r.path)
		if r.write != nil {
			c.Out = append(c.Out, r.path)
		}
		if r.loss != "" {
			c.Losses[r.path] = r.loss
		}
	}
	return c
}

// holders are the attributes that each mapped property holds.
var holders = func() map[string][]string {
	all := map[string][]string{}
	for _, r := range mapping {
		for _, property := range r.properties {
			all[property] = append(all[property], r.path)
		}
	}
	return all
}()

// asked are the properties that every read asks for.
var asked = append(slices.Sorted(maps.Keys(holders)), recordIDProperty, modifiedProperty)
