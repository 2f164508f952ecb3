package xero

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/canonhub/canonhub/adapters/money"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// finest is how many fractional digits Xero keeps of quantities and, asked for them, of prices.
const finest = 4

// item is a line on the wire.
type item = map[string]json.RawMessage

func (o *object) items() ([]item, bool) {
	var all []item
	raw := o.fields["LineItems"]
	return all, text(raw) == "" || json.Unmarshal(raw, &all) == nil
}

func readLines(r *reading, i *canonicalv1.Invoice) {
	all, ok := r.object.items()
	if !ok {
		r.unusable("lines", r.text("LineItems"), "it is no list of lines")
		return
	}
	for _, in := range all {
		i.Lines = append(i.Lines, r.line(in))
	}
}

func (r *reading) line(in item) *canonicalv1.Line {
	out := &canonicalv1.Line{UnitPrice: r.amount("lines", text(in["UnitAmount"])), Total: r.amount("lines", text(in["LineAmount"]))}
	title, further, more := strings.Cut(text(in["Description"]), "\n")
	if title != "" {
		out.Title = &title
	}
	if more {
		out.Description = &further
	}
	if sku := text(in["ItemCode"]); sku != "" {
		out.Sku = &sku
	}
	if raw := text(in["Quantity"]); raw != "" {
		quantity, ok := exact(raw)
		if !ok {
			r.unusable("lines", raw, "the quantity is no plain number")
		}
		out.Quantity = &quantity
	}
	if d := r.discount(in); d != nil {
		out.Discounts = []*canonicalv1.Discount{d}
	}
	if tax := r.amount("lines", text(in["TaxAmount"])); !zero(tax) {
		out.Taxes = []*canonicalv1.Tax{{Amount: tax}}
	}
	var product struct {
		ItemID json.RawMessage
	}
	_ = json.Unmarshal(in["Item"], &product) // without one, it is no item of Xero's
	if id := text(product.ItemID); isID(id) {
		out.Product = external(id)
	}
	return out
}

func zero(m *canonicalv1.Money) bool { return m.GetUnits() == 0 && m.GetNanos() == 0 }

// discount is a line's, which is kept as an amount or as a rate.
func (r *reading) discount(in item) *canonicalv1.Discount {
	if m := r.amount("lines", text(in["DiscountAmount"])); !zero(m) {
		return &canonicalv1.Discount{Amount: m}
	}
	rate, ok := exact(text(in["DiscountRate"]))
	if !ok || rate == "0" {
		return nil
	}
	quantity, okQuantity := rational(in["Quantity"])
	price, okPrice := rational(in["UnitAmount"])
	after, okAfter := rational(in["LineAmount"])
	if !okQuantity || !okPrice || !okAfter {
		return nil
	}
	off := quantity.Mul(quantity, price).Sub(quantity, after)
	m := r.amount("lines", off.FloatString(2*finest))
	if zero(m) {
		return nil
	}
	title := rate + "%"
	return &canonicalv1.Discount{Title: &title, Amount: m}
}

func rational(raw json.RawMessage) (*big.Rat, bool) {
	plain, ok := exact(text(raw))
	if !ok {
		return nil, false
	}
	return new(big.Rat).SetString(plain)
}

// writeLines writes the lines as Xero's, and what their amounts mean.
func writeLines(i *canonicalv1.Invoice, w fields) string {
	var items []any
	for n, line := range i.GetLines() {
		out, code, why := writeLine(line)
		before, _ := w["CurrencyCode"].(string)
		switch {
		case why != "":
			return fmt.Sprintf("line %d: %s", n+1, why)
		case code != "" && before != "" && code != before:
			return "an invoice in Xero has one currency"
		case code != "":
			w["CurrencyCode"] = code
		}
		items = append(items, out)
	}
	if items == nil {
		return "an invoice in Xero always has lines"
	}
	w["LineItems"] = items
	return writeTaxesIncluded(i, w)
}

// writeLine is a line in Xero's form, and the currency of its amounts.
func writeLine(line *canonicalv1.Line) (out fields, code, refusal string) {
	text := strings.TrimSpace(line.GetTitle() + "\n" + line.GetDescription())
	if text == "" {
		text = line.GetSku()
	}
	out = fields{"Description": text}
	if text == "" {
		return nil, "", "Xero takes no line without a text"
	}
	if why := tooLong(text, 4000); why != "" {
		return nil, "", why
	}
	if line.Quantity != nil {
		quantity, ok := exact(line.GetQuantity())
		if !ok || fineness(quantity) > finest {
			return nil, "", "Xero keeps four decimals of a quantity"
		}
		out["Quantity"] = json.Number(quantity)
	}
	for field, parts := range amountsOf(line) {
		for _, part := range parts {
			switch {
			case part == nil:
				continue
			case code != "" && code != part.GetCurrencyCode():
				return nil, "", "its amounts are of several currencies"
			}
			code = part.GetCurrencyCode()
			number, err := sum(out[field], part)
			if err != nil || fineness(number) > finest {
				return nil, "", "Xero keeps four decimals of an amount"
			}
			out[field] = json.Number(number)
		}
	}
	return out, code, ""
}

// amountsOf are what the amounts of a line in Xero are the sums of.
func amountsOf(line *canonicalv1.Line) map[string][]*canonicalv1.Money {
	all := map[string][]*canonicalv1.Money{"UnitAmount": {line.GetUnitPrice()}}
	if line.UnitPrice == nil || line.Quantity == nil { // else it follows from them
		all["LineAmount"] = []*canonicalv1.Money{line.GetTotal()}
	}
	for _, d := range line.GetDiscounts() {
		all["DiscountAmount"] = append(all["DiscountAmount"], d.GetAmount())
	}
	for _, t := range line.GetTaxes() {
		all["TaxAmount"] = append(all["TaxAmount"], t.GetAmount())
	}
	return all
}

// sum adds an amount to a number of its currency, if there is one yet.
func sum(number any, more *canonicalv1.Money) (string, error) {
	before, _ := number.(json.Number)
	if before == "" {
		return money.ToDecimal(more), nil
	}
	is, err := money.FromDecimal(before.String(), more.GetCurrencyCode())
	if err != nil {
		return "", err
	}
	total, err := money.Add(is, more)
	return money.ToDecimal(total), err
}

// kept are the fields of a line that are left as they are where it is written, and sold what goes with its text.
var (
	kept = []string{"LineItemID", "AccountCode", "TaxType", "Tracking"}
	sold = []string{"ItemCode"}
)

// settleLines gives each line the place of the one that it replaces, with that one's account, tax type and tracking: by its
// text, or else by its position. A line without them gets what the connection's options say.
func (a *api) settleLines(now *object, lines []any, out fields) (settled []any, refusal string) {
	var free []item
	if now != nil {
		if code := now.text("CurrencyCode"); out["CurrencyCode"] != nil && out["CurrencyCode"] != code {
			return nil, "the invoice is in another currency, and Xero changes none"
		}
		delete(out, "CurrencyCode")
		free, _ = now.items()
	}
	takes := matching(lines, free)
	for i, line := range lines {
		one := fields{}
		for field, value := range line.(fields) {
			one[field] = value
		}
		option(one, "AccountCode", a.options.AccountCode)
		option(one, "TaxType", a.options.TaxType)
		keeping := kept
		if one["Description"] == text(takes[i]["Description"]) {
			keeping = slices.Concat(kept, sold)
		}
		for _, field := range keeping {
			if raw, ok := takes[i][field]; ok && text(raw) != "" {
				one[field] = raw
			}
		}
		settled = append(settled, one)
	}
	return settled, ""
}

func option(line fields, field, value string) {
	if value != "" {
		line[field] = value
	}
}

// matching finds for each line the one that it replaces; nil where it is new.
func matching(lines []any, now []item) []item {
	takes, taken := make([]item, len(lines)), make([]bool, len(now))
	for i, line := range lines {
		for j, is := range now {
			if !taken[j] && line.(fields)["Description"] == text(is["Description"]) {
				takes[i], taken[j] = is, true
				break
			}
		}
	}
	for i := range lines {
		if i < len(now) && takes[i] == nil && !taken[i] {
			takes[i], taken[i] = now[i], true
		}
	}
	return takes
}
