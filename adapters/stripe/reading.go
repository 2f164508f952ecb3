package stripe

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v85"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/money"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// reading collects what an object says that could not be used.
type reading struct {
	known    map[string]bool
	unusable []adapters.Unusable
	unknown  []string
	missing  []string // attributes that nothing is said of
}

// knownFields are the fields of Stripe's objects: those of its current Go types, and those that other versions have.
var knownFields = map[adapters.Kind]map[string]bool{
	customer: fieldsOf(stripe.Customer{}, "account_balance", "default_currency", "sources", "subscriptions", "tax_ids", "tax_info",
		"tax_info_verification", "account", "customer_account", "deleted"),
	invoice: fieldsOf(stripe.Invoice{}, "charge", "paid", "paid_out_of_band", "payment_intent", "subscription", "subscription_details", "tax",
		"tax_percent", "discount", "total_tax_amounts", "quote", "rendering_options", "application_fee_amount", "transfer_data",
		"amount_paid_off_stripe", "statement_description", "billing", "date", "closed", "forgiven", "finalized_at", "deleted", "customer_account"),
}

func fieldsOf(object any, older ...string) map[string]bool {
	known := map[string]bool{}
	for _, field := range reflect.VisibleFields(reflect.TypeOf(object)) {
		if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "" && name != "-" {
			known[name] = true
		}
	}
	for _, name := range older {
		known[name] = true
	}
	return known
}

// cannotUse keeps a value that does not fit, and says nothing of the attribute.
func (r *reading) cannotUse(path, raw string, err error) {
	r.unusable = append(r.unusable, adapters.Unusable{Path: path, Raw: raw, Reason: err.Error()})
	r.missing = append(r.missing, path)
}

// finish puts beside the observation what could not be used, and takes it out of what it speaks of.
func (r *reading) finish(o adapters.Observation, kind adapters.Kind, raw json.RawMessage) adapters.Observation {
	o.Raw, o.Unusable = bytes.Clone(raw), r.unusable
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) == nil {
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			if !r.known[name] {
				r.unknown = append(r.unknown, name)
			}
		}
	}
	o.Unknown = r.unknown
	if len(r.missing) > 0 && o.Message != nil {
		all := customerIn()
		if kind == invoice {
			all = invoiceIn()
		}
		o.Paths = slices.DeleteFunc(all, func(path string) bool { return slices.Contains(r.missing, path) })
	}
	return o
}

// enum looks a vendor's word up. One that is not known is kept beside an UNSPECIFIED, and reported.
func enum[E ~int32](r *reading, field, text string, words map[string]E) (value *E, raw *string) {
	if text == "" {
		return nil, nil
	}
	if known, ok := words[text]; ok {
		return &known, nil
	}
	r.unknown = append(r.unknown, field+"="+text)
	return new(E), &text
}

// amount reads an integer amount; nil where there is none.
func (r *reading) amount(path string, minor *int64, currency string) *canonicalv1.Money {
	if minor == nil {
		return nil
	}
	m, err := money.FromStripe(*minor, currency)
	if err != nil {
		r.cannotUse(path, currency, err)
		return nil
	}
	return m
}

// moment reads unix seconds; nil where there are none.
func moment(seconds *int64) *timestamppb.Timestamp {
	if seconds == nil || *seconds == 0 {
		return nil
	}
	return timestamppb.New(time.Unix(*seconds, 0))
}

// text makes an empty text none.
func text(s *string) *string {
	if s == nil || *s == "" {
		return nil
	}
	return s
}

// idOf reads a field that holds an id, or the whole object where it is expanded.
func idOf(raw json.RawMessage) string {
	var id string
	if json.Unmarshal(raw, &id) == nil {
		return id
	}
	var object struct {
		ID string `json:"id"`
	}
	_ = json.Unmarshal(raw, &object) // neither: no reference
	return object.ID
}

// reference points to an object of this connection.
func reference(id string) *canonicalv1.Reference {
	if id == "" {
		return nil
	}
	return &canonicalv1.Reference{Target: &canonicalv1.Reference_External{External: &canonicalv1.ExternalReference{ExternalId: id}}}
}
