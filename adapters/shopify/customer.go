package shopify

import (
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/mapping"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

type customer = canonicalv1.Customer

// customers is the mapping of customers, one row an attribute. Nothing changes it.
var customers = describe(kind{
	Kind: mapping.Kind{
		Name: "customer", Message: func() proto.Message { return &customer{} },
		Rows: slices.Concat([]mapping.Row{
			mapping.WrittenBy(mapping.ValueOf("name", []string{"firstName", "lastName"}, readName), writeName).
				Losing("Kept as first and last name: prefix, middle name and suffix are not held, and a name without parts is cut at its last word."),
			contact(mapping.Plain("email", emailAddress), (*customer).GetEmail, (*canonicalv1.MarketingConsent).GetEmail).
				Losing("Shopify keeps addresses in lower case. One that has a consent is not cleared: the consent would go with it."),
			contact(mapping.Phone("phone", phoneNumber, mapping.NoRegion), (*customer).GetPhone, (*canonicalv1.MarketingConsent).GetSms).
				Losing("A number belongs to one customer. One that has a consent is not cleared: the consent would go with it."),
			mapping.Locale("locale", "locale").Required("a customer of Shopify's always has a language").
				Losing("Shopify takes the languages of its own list alone."),
			mapping.Of("tax_status", []string{"taxExempt"}, readTax, writeTax).Losing("Shopify knows no reverse charge."),
			labels(),
			mapping.Plain("note", "note"),
			consent("marketing_consent.email", emailState, "defaultEmailAddress.marketingUpdatedAt", emailConsent, (*canonicalv1.MarketingConsent).GetEmail).
				Losing("Shopify keeps whole seconds, takes back no decision, and keeps none without an address."),
			consent("marketing_consent.sms", smsState, "defaultPhoneNumber.smsMarketingConsent.updatedAt", smsConsent, (*canonicalv1.MarketingConsent).GetSms).
				Losing("Shopify keeps whole seconds, takes back no decision, and keeps none without a number."),
		}, address("shipping_address", "defaultAddress")),
	},
	gid: "Customer", one: "customer", many: "customers", address: "defaultAddress", maxPage: 100,
	lacks: map[adapters.Ability]string{
		adapters.PullsDeletes: "Shopify's searches know nothing of deleted customers.",
		adapters.Archives:     "Shopify deletes customers for good, and those with orders not at all.",
	},
})

const (
	emailAddress = "defaultEmailAddress.emailAddress"
	emailState   = "defaultEmailAddress.marketingState"
	phoneNumber  = "defaultPhoneNumber.phoneNumber"
	smsState     = "defaultPhoneNumber.smsMarketingConsent.state"

	// The parts of what is written that have mutations of their own.
	emailConsent = "emailMarketingConsent"
	smsConsent   = "smsMarketingConsent"
)

func readName(r *mapping.Reading) *canonicalv1.PersonName {
	full := fullName(r, "firstName", "lastName")
	if full == "" {
		return nil
	}
	return &canonicalv1.PersonName{Full: &full, Given: mapping.Some(r.Text("firstName")), Family: mapping.Some(r.Text("lastName"))}
}

func fullName(r *mapping.Reading, first, last string) string {
	return strings.TrimSpace(r.Text(first) + " " + r.Text(last))
}

func writeName(c *customer, w mapping.Fields) string {
	w["firstName"], w["lastName"] = mapping.NameParts(c.GetName())
	return ""
}

// decision is the part of the consents that is one.
type decision func(*canonicalv1.MarketingConsent) *canonicalv1.Consent

// contact maps an address or a number, which Shopify's inputs call as we do.
func contact(row mapping.Row, get func(*customer) string, given decision) mapping.Row {
	return mapping.WrittenBy(row, func(c *customer, w mapping.Fields) string {
		if get(c) == "" && given(c.GetMarketingConsent()) != nil {
			return "Shopify would forget the consent that was given for it; withdraw the consent first"
		}
		w[row.Path] = get(c)
		return ""
	})
}

func readTax(r *mapping.Reading, c *customer) {
	var exempt *bool
	r.Get("taxExempt", &exempt)
	switch {
	case exempt == nil:
	case *exempt:
		c.TaxStatus = canonicalv1.TaxStatus_TAX_STATUS_EXEMPT.Enum()
	default:
		c.TaxStatus = canonicalv1.TaxStatus_TAX_STATUS_TAXABLE.Enum()
	}
}

func writeTax(c *customer, w mapping.Fields) string {
	exempt := c.GetTaxStatus() == canonicalv1.TaxStatus_TAX_STATUS_EXEMPT
	if !exempt && c.GetTaxStatus() != canonicalv1.TaxStatus_TAX_STATUS_TAXABLE {
		return "Shopify knows customers who are exempt and customers who are not"
	}
	w["taxExempt"] = exempt
	return ""
}

var (
	// consents are Shopify's states of a decision that was made.
	consents = mapping.Words[canonicalv1.ConsentStatus]{
		"subscribed":   canonicalv1.ConsentStatus_CONSENT_STATUS_GRANTED,
		"pending":      canonicalv1.ConsentStatus_CONSENT_STATUS_PENDING,
		"unsubscribed": canonicalv1.ConsentStatus_CONSENT_STATUS_DENIED,
	}
	// undecided are its states of none: Shopify has other words for it by e-mail and by text message.
	undecided = []string{"", "NOT_SUBSCRIBED", "NEVER_SUBSCRIBED"}
)

// consent maps a decision. A state that means neither (INVALID, REDACTED) stays as text, and is no grant.
func consent(path, state, at, part string, made decision) mapping.Row {
	row := mapping.ValueOf(path, []string{state, at}, func(r *mapping.Reading) *canonicalv1.Consent {
		word := r.Text(state)
		if slices.Contains(undecided, word) {
			return nil
		}
		status, known := consents[strings.ToLower(word)]
		out := &canonicalv1.Consent{Status: status, Time: r.Time(at, mapping.RFC3339)}
		if _, name, _ := strings.Cut(state, "."); !known {
			r.Unknown(name + "=" + word)
			out.StatusRaw = word
		}
		return out
	})
	return mapping.WrittenBy(row, func(c *customer, w mapping.Fields) string {
		is := made(c.GetMarketingConsent())
		word, ok := consents.Word(is.GetStatus())
		if !ok {
			return "Shopify takes decisions that were made, and none back"
		}
		w[part+".marketingState"] = strings.ToUpper(word)
		if is.GetTime() != nil {
			w[part+".consentUpdatedAt"] = is.GetTime().AsTime().Format(time.RFC3339)
		}
		return ""
	})
}
