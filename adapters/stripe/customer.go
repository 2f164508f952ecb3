package stripe

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/stripe/stripe-go/v85"
	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/mapping"
	"github.com/canonhub/canonhub/adapters/money"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// customers is the mapping of customers, one row an attribute. Nothing changes it.
var customers = &kind{
	Kind: mapping.Kind{
		Name: customer, Vendor: "Stripe", IsID: isID, Sparse: true,
		Message: func() proto.Message { return &canonicalv1.Customer{} },
		Rows: slices.Concat([]mapping.Row{
			mapping.FullName("name", "name").Losing("Stripe has one field for the whole name."),
			mapping.Plain("email", "email"),
			mapping.Phone("phone", "phone", mapping.Region("address[country]")),
			mapping.Locale("locale", "preferred_locales[0]"),
			mapping.Choice("tax_status", "tax_exempt", taxStatuses, mapping.Same).Losing("Stripe has no empty tax status: a cleared one becomes taxable."),
			mapping.Plain("note", "description"),
		}, losing("billing_address.country_code", "Stripe keeps no name of a country that has no code.", address("billing_address", "address")), address("shipping_address", "shipping[address]"), []mapping.Row{
			mapping.Plain("shipping_address.recipient", "shipping[name]").Losing("Stripe wants a name with a shipping address: without a recipient it is the customer's."),
			mapping.Phone("shipping_address.phone", "shipping[phone]", mapping.Region("shipping[address][country]")),
			custom(),
			currency(),
		}),
		Own: fieldsOf(stripe.Customer{}, "account_balance", "default_currency", "sources", "subscriptions", "tax_ids", "tax_info",
			"tax_info_verification", "account", "customer_account", "deleted"),
	},
	list: "/v1/customers", creates: true,
	// By their names: the group has a dozen others.
	changes: map[string][]string{"types[]": {"customer.created", "customer.updated", "customer.deleted"}},
	lacks: map[adapters.Ability]string{
		adapters.Merges:   "Stripe merges no customers.",
		adapters.Counts:   "Stripe's lists do not tell how long they are.",
		adapters.Archives: "Stripe deletes customers for good, and ends their subscriptions with them.",
	},
}

var taxStatuses = mapping.Words[canonicalv1.TaxStatus]{
	"none":    canonicalv1.TaxStatus_TAX_STATUS_TAXABLE,
	"exempt":  canonicalv1.TaxStatus_TAX_STATUS_EXEMPT,
	"reverse": canonicalv1.TaxStatus_TAX_STATUS_REVERSE_CHARGE,
}

// customKey is what the names of custom attributes look like.
var customKey = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// custom maps metadata, but for our own entry, to custom attributes.
func custom() mapping.Row {
	row := mapping.Of("custom.*", []string{"metadata"}, readMetadata, nil).Losing("Stripe's metadata are texts: other types come back as text.")
	row.WriteKey = func(m proto.Message, key string, w mapping.Fields) string {
		if key == recordIDKey || len(key) > 40 { // https://docs.stripe.com/metadata
			return fmt.Sprintf("no metadata of Stripe's can have the key %q", key)
		}
		text := metadataText(m.(*canonicalv1.Customer).GetCustom()[key])
		if utf8.RuneCountInString(text) > 500 { // https://docs.stripe.com/metadata
			return "metadata hold 500 characters at most at Stripe"
		}
		w["metadata["+key+"]"] = text
		return ""
	}
	return row
}

func readMetadata(r *mapping.Reading, c *canonicalv1.Customer) {
	var in map[string]json.RawMessage
	r.Get("metadata", &in)
	for _, key := range slices.Sorted(maps.Keys(in)) {
		switch text := mapping.Text(in[key]); {
		case key == recordIDKey || text == "":
		case !customKey.MatchString(key):
			r.Unknown("metadata[" + key + "]") // no name for a custom attribute: a-z, 0-9 and _ only
		default:
			if c.Custom == nil {
				c.Custom = map[string]*canonicalv1.CustomValue{}
			}
			c.Custom[key] = &canonicalv1.CustomValue{Value: &canonicalv1.CustomValue_Text{Text: text}}
		}
	}
}

// metadataText writes a custom value as text.
func metadataText(v *canonicalv1.CustomValue) string {
	switch value := v.GetValue().(type) {
	case *canonicalv1.CustomValue_Text:
		return value.Text
	case *canonicalv1.CustomValue_Flag:
		return fmt.Sprint(value.Flag)
	case *canonicalv1.CustomValue_Decimal:
		return value.Decimal
	case *canonicalv1.CustomValue_Time:
		return value.Time.AsTime().Format(time.RFC3339)
	case *canonicalv1.CustomValue_Money:
		return money.ToDecimal(value.Money) + " " + value.Money.GetCurrencyCode()
	case *canonicalv1.CustomValue_Texts:
		return strings.Join(value.Texts.GetValues(), ", ")
	}
	return ""
}
