package stripe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
	"github.com/canonhub/canonhub/adapters/money"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// parameters are the form's names by attribute.
var parameters = map[string]string{
	"name": "name", "email": "email", "phone": "phone", "locale": "preferred_locales[0]", "tax_status": "tax_exempt", "note": "description",
	"billing_address.line1": "address[line1]", "billing_address.line2": "address[line2]", "billing_address.city": "address[city]",
	"billing_address.region": "address[state]", "billing_address.postal_code": "address[postal_code]", "billing_address.country_code": "address[country]",
	"shipping_address.line1": "shipping[address][line1]", "shipping_address.line2": "shipping[address][line2]", "shipping_address.city": "shipping[address][city]",
	"shipping_address.region": "shipping[address][state]", "shipping_address.postal_code": "shipping[address][postal_code]",
	"shipping_address.country_code": "shipping[address][country]", "shipping_address.recipient": "shipping[name]", "shipping_address.phone": "shipping[phone]",
}

// frozen is the one call of an attempt.
type frozen struct {
	Path string `json:"path"`
	Form string `json:"form"`
}

// Prepare makes the form of a create or an update. Stripe clears by an empty text; addresses are sent with their other
// parts as the customer has them, since they may be replaced whole.
func (a *api) Prepare(p adapters.Patch) (adapters.Request, error) {
	form := url.Values{}
	set, err := setter(form, p)
	if err != nil {
		return adapters.Request{}, err
	}
	refused := map[string]string{}
	for _, path := range p.Paths {
		if err := set(path); err != nil {
			refused[path] = err.Error()
		}
	}
	if c, ok := p.Message.(*canonicalv1.Customer); ok {
		completeAddresses(form, c, p)
	}
	if len(refused) > 0 {
		return adapters.Request{}, &fault.Error{Category: fault.Permanent, Op: "prepare " + string(p.Kind), Refused: refused}
	}
	f := frozen{Path: lists[p.Kind]}
	if p.ExternalID == "" {
		form.Set("metadata["+recordIDKey+"]", p.RecordID)
	} else {
		f.Path += "/" + url.PathEscape(string(p.ExternalID))
	}
	f.Form = form.Encode() // sorted by name
	body, err := json.Marshal(f)
	if err != nil {
		return adapters.Request{}, err
	}
	return adapters.Request{Kind: p.Kind, RecordID: p.RecordID, ExternalID: p.ExternalID, Key: p.Key, Body: body}, nil
}

// setter is what writes one attribute of a patch into the form.
func setter(form url.Values, p adapters.Patch) (func(path string) error, error) {
	switch m := p.Message.(type) {
	case *canonicalv1.Customer:
		if p.Kind == customer {
			return func(path string) error { return set(form, m, path) }, nil
		}
	case *canonicalv1.Invoice:
		if p.Kind == invoice && p.ExternalID != "" {
			return func(path string) error { return setInvoice(form, m, path) }, nil
		}
	}
	return nil, &fault.Error{Category: fault.Permanent, Op: "prepare", Message: "such a " + string(p.Kind) + " cannot be written to Stripe"}
}

// setInvoice writes one attribute into the form.
func setInvoice(form url.Values, m *canonicalv1.Invoice, path string) error {
	switch path {
	case "note":
		form.Set("description", m.GetNote())
	case "due_time":
		if m.GetDueTime() == nil {
			return errors.New("a due date cannot be taken back at Stripe")
		}
		form.Set("due_date", strconv.FormatInt(m.GetDueTime().GetSeconds(), 10))
	default:
		return fmt.Errorf("nothing in Stripe's invoice may be set for %s", path)
	}
	return nil
}

// set writes one attribute into the form.
func set(form url.Values, c *canonicalv1.Customer, path string) error {
	if key, ok := strings.CutPrefix(path, "custom."); ok {
		if key == recordIDKey || len(key) > 40 { // https://docs.stripe.com/metadata
			return fmt.Errorf("no metadata of Stripe's can have the key %q", key)
		}
		value, err := metadataText(c.GetCustom()[key])
		form.Set("metadata["+key+"]", value)
		return err
	}
	name, ok := parameters[path]
	if !ok {
		return fmt.Errorf("nothing in Stripe's customer is for %s", path)
	}
	value := valueOf(c, path)
	if path == "locale" && value == "" {
		name = "preferred_locales[]" // a list with nothing in it
	}
	if path == "tax_status" && value == "" {
		if c.GetTaxStatusRaw() != "" {
			return errors.New("there is no such tax status at Stripe")
		}
	}
	form.Set(name, value)
	return nil
}

func valueOf(c *canonicalv1.Customer, path string) string {
	switch path {
	case "name":
		return fullName(c.GetName())
	case "email":
		return c.GetEmail()
	case "phone":
		return c.GetPhone()
	case "locale":
		return c.GetLocale()
	case "note":
		return c.GetNote()
	case "tax_status":
		for text, status := range taxStatuses {
			if status == c.GetTaxStatus() {
				return text
			}
		}
		return ""
	}
	group, part, _ := strings.Cut(path, ".")
	if group == "billing_address" {
		return partOf(c.GetBillingAddress(), part)
	}
	return partOf(c.GetShippingAddress(), part)
}

func fullName(n *canonicalv1.PersonName) string {
	if n.GetFull() != "" {
		return n.GetFull()
	}
	parts := []string{n.GetPrefix(), n.GetGiven(), n.GetMiddle(), n.GetFamily(), n.GetSuffix()}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " ")
}

func partOf(a *canonicalv1.Address, part string) string {
	switch part {
	case "line1":
		return a.GetLine1()
	case "line2":
		return a.GetLine2()
	case "city":
		return a.GetCity()
	case "region":
		return a.GetRegion()
	case "postal_code":
		return a.GetPostalCode()
	case "country_code":
		return a.GetCountryCode()
	case "recipient":
		return a.GetRecipient()
	default:
		return a.GetPhone()
	}
}

// completeAddresses adds to each address that is written the parts that the customer has and the patch does not set,
// and to shipping the name that Stripe asks for.
func completeAddresses(form url.Values, c *canonicalv1.Customer, p adapters.Patch) {
	for _, group := range []string{"billing_address.", "shipping_address."} {
		if !slices.ContainsFunc(p.Paths, func(path string) bool { return strings.HasPrefix(path, group) }) {
			continue
		}
		held, ok := p.Held.(*canonicalv1.Customer)
		for path, name := range parameters {
			if ok && strings.HasPrefix(path, group) && !form.Has(name) && valueOf(held, path) != "" {
				form.Set(name, valueOf(held, path))
			}
		}
	}
	shipping := slices.ContainsFunc(p.Paths, func(path string) bool { return strings.HasPrefix(path, "shipping_address.") })
	if !shipping {
		return
	}
	if empty := allEmpty(form, "shipping["); empty {
		for name := range form {
			if strings.HasPrefix(name, "shipping[") {
				form.Del(name)
			}
		}
		form.Set("shipping", "")
		return
	}
	if form.Get("shipping[name]") == "" {
		form.Set("shipping[name]", fullName(c.GetName()))
	}
}

func allEmpty(form url.Values, prefix string) bool {
	for name := range form {
		if strings.HasPrefix(name, prefix) && form.Get(name) != "" {
			return false
		}
	}
	return true
}

// metadataText writes a custom value as text.
func metadataText(v *canonicalv1.CustomValue) (string, error) {
	out := ""
	switch value := v.GetValue().(type) {
	case *canonicalv1.CustomValue_Text:
		out = value.Text
	case *canonicalv1.CustomValue_Flag:
		out = fmt.Sprint(value.Flag)
	case *canonicalv1.CustomValue_Decimal:
		out = value.Decimal
	case *canonicalv1.CustomValue_Time:
		out = value.Time.AsTime().Format(time.RFC3339)
	case *canonicalv1.CustomValue_Money:
		out = money.ToDecimal(value.Money) + " " + value.Money.GetCurrencyCode()
	case *canonicalv1.CustomValue_Texts:
		out = strings.Join(value.Texts.GetValues(), ", ")
	}
	if utf8.RuneCountInString(out) > 500 { // https://docs.stripe.com/metadata
		return "", errors.New("metadata hold 500 characters at most at Stripe")
	}
	return out, nil
}

// Push makes the call.
func (a *api) Push(ctx context.Context, r adapters.Request) (adapters.Ack, error) {
	op := "update " + string(r.Kind)
	if r.ExternalID == "" {
		op = "create " + string(r.Kind)
	}
	var f frozen
	if err := json.Unmarshal(r.Body, &f); err != nil {
		return adapters.Ack{}, &fault.Error{Category: fault.Permanent, Op: op, Message: "the stored request cannot be read", Err: err}
	}
	resp, err := a.call(ctx, op, httpapi.Request{Method: http.MethodPost, Path: f.Path, Body: []byte(f.Form),
		ContentType: "application/x-www-form-urlencoded", Key: r.Key})
	if err != nil {
		return adapters.Ack{}, err
	}
	o, more, err := observe(r.Kind, resp.Body)
	if err != nil {
		broken := *fault.As(err)
		broken.MaybeDone = true
		return adapters.Ack{}, &broken
	}
	o.At = resp.Date
	if !replayed(resp) && !more {
		return adapters.Ack{Observation: o}, nil
	}
	return a.confirm(ctx, o.Object)
}

// confirm reads what was pushed: a saved answer is as old as the first send, and a long invoice is not all in an answer.
func (a *api) confirm(ctx context.Context, pushed adapters.Object) (adapters.Ack, error) {
	now, err := a.Fetch(ctx, pushed)
	switch {
	case err != nil:
		unknown := *fault.As(err)
		unknown.MaybeDone = true
		return adapters.Ack{}, &unknown
	case now.Gone:
		return adapters.Ack{}, &fault.Error{Category: fault.Gone, Op: "confirm " + string(pushed.Kind), Message: "it was deleted after it was written"}
	}
	return adapters.Ack{Observation: now}, nil
}

// Find looks for our record id, first among the customers with the e-mail address that was sent: lists are up to date,
// while the search lags behind by about a minute, and by up to an hour in incidents.
func (a *api) Find(ctx context.Context, r adapters.Request) (*adapters.Observation, error) {
	var f frozen
	if err := json.Unmarshal(r.Body, &f); err == nil {
		if form, err := url.ParseQuery(f.Form); err == nil && form.Get("email") != "" {
			found, err := a.find(ctx, r.RecordID, "/v1/customers", url.Values{"email": {form.Get("email")}, "limit": {"100"}})
			if found != nil || err != nil {
				return found, err
			}
		}
	}
	query := url.Values{"query": {fmt.Sprintf("metadata['%s']:'%s'", recordIDKey, strings.ReplaceAll(r.RecordID, "'", ""))}, "limit": {"1"}}
	return a.find(ctx, r.RecordID, "/v1/customers/search", query)
}

func (a *api) find(ctx context.Context, recordID, path string, query url.Values) (*adapters.Observation, error) {
	resp, err := a.call(ctx, "find customer", httpapi.Request{Method: http.MethodGet, Path: path, Query: query})
	if err != nil {
		return nil, err
	}
	var found struct {
		Data []json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(resp.Body, &found); err != nil {
		return nil, &fault.Error{Category: fault.Permanent, Op: "find customer", Err: errShape}
	}
	for _, raw := range found.Data {
		o, _, err := observe(customer, raw)
		if err != nil {
			return nil, err
		}
		if o.At = resp.Date; o.RecordID == recordID {
			return &o, nil
		}
	}
	return nil, nil
}
