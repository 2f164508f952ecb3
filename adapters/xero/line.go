package xero

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/canonhub/canonhub/adapters/mapping"
	"github.com/canonhub/canonhub/adapters/money"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// finest is how many fractional digits Xero keeps of quantities and, asked for them, of prices.
const finest = 4

// item is a line on the wire.
type item map[string]json.RawMessage

func (i item) text(field string) string { return mapping.Text(i[field]) }

// items are an object's lines; false where they are no list.
func items(object map[string]json.RawMessage) ([]item, bool) {
	var all []item
	err := json.Unmarshal(object["LineItems"], &all)
	return all, err == nil || mapping.Text(object["LineItems"]) == ""
}

func readLines(r *mapping.Reading, i *canonicalv1.Invoice) {
	all, ok := items(r.Fields)
	if !ok {
		r.Unusable(r.Text("LineItems"), "it is no list of lines")
		return
	}
	for _, in := range all {
		i.Lines = append(i.Lines, readLine(r, in))
	}
}

func readLine(r *mapping.Reading, in item) *canonicalv1.Line {
	title, further, _ := strings.Cut(in.text("Description"), "\n")
	out := &canonicalv1.Line{
		Title: mapping.Some(title), Description: mapping.Some(further), Sku: mapping.Some(in.text("ItemCode")),
		UnitPrice: amount(r, in.text("UnitAmount")), Total: amount(r, in.text("LineAmount")),
	}
	if raw := in.text("Quantity"); raw != "" {
		quantity, ok := exact(raw)
		if !ok {
			r.Unusable(raw, "the quantity is no plain number")
		}
		out.Quantity = &quantity
	}
	if d := readDiscount(r, in); d != nil {
		out.Discounts = []*canonicalv1.Discount{d}
	}
	if tax := amount(r, in.text("TaxAmount")); !zero(tax) {
		out.Taxes = []*canonicalv1.Tax{{Amount: tax}}
	}
	var product struct {
		ItemID json.RawMessage
	}
	_ = json.Unmarshal(in["Item"], &product) // without one, it is no item of Xero's
	if id := mapping.Text(product.ItemID); isID(id) {
		out.Product = mapping.Reference(id)
	}
	return out
}

func zero(m *canonicalv1.Money) bool { return m.GetUnits() == 0 && m.GetNanos() == 0 }

// readDiscount reads a line's, which is kept as an amount or as a rate.
func readDiscount(r *mapping.Reading, in item) *canonicalv1.Discount {
	if m := amount(r, in.text("DiscountAmount")); !zero(m) {
		return &canonicalv1.Discount{Amount: m}
	}
	rate, ok := exact(in.text("DiscountRate"))
	price, quantity, after := in.number("UnitAmount"), in.number("Quantity"), in.number("LineAmount")
	if !ok || rate == "0" || price == nil || quantity == nil || after == nil {
		return nil
	}
	off := price.Mul(price, quantity)
	m := amount(r, off.Sub(off, after).FloatString(2*finest))
	if zero(m) {
		return nil
	}
	return &canonicalv1.Discount{Title: mapping.Some(rate + "%"), Amount: m}
}

// number is a field as a number, nil where it is none.
func (i item) number(field string) *big.Rat {
	plain, _ := exact(i.text(field))
	if number, ok := new(big.Rat).SetString(plain); ok {
		return number
	}
	return nil
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
	if why := mapping.TooLong(text, 4000); why != "" {
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
		total, err := sum(parts)
		switch {
		case err != nil:
			return nil, "", err.Error()
		case total == nil:
			continue
		case code != "" && code != total.GetCurrencyCode():
			return nil, "", "its amounts are of several currencies"
		}
		number := money.ToDecimal(total)
		if fineness(number) > finest {
			return nil, "", "Xero keeps four decimals of an amount"
		}
		out[field], code = json.Number(number), total.GetCurrencyCode()
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

// sum is that of the amounts that are there; nil where there are none.
func sum(parts []*canonicalv1.Money) (total *canonicalv1.Money, err error) {
	for _, part := range parts {
		switch {
		case part == nil:
		case total == nil:
			total = part
		default:
			if total, err = money.Add(total, part); err != nil {
				return nil, err
			}
		}
	}
	return total, nil
}

// kept are the fields of a line that are left as they are where it is written, and sold what goes with its text.
var (
	kept = []string{"LineItemID", "AccountCode", "TaxType", "Tracking"}
	sold = []string{"ItemCode"}
)

// settleLines gives each line the place of the one that it replaces, with that one's account, tax type and tracking: by its
// text, or else by its position. A line without them gets what the connection's options say.
func (o options) settleLines(now *object, lines []any) []any {
	free, _ := items(now.fields)
	takes := matching(lines, free)
	var settled []any
	for i, line := range lines {
		one, keeping := maps.Clone(line.(fields)), kept
		for field, value := range map[string]string{"AccountCode": o.AccountCode, "TaxType": o.TaxType} {
			if value != "" {
				one[field] = value
			}
		}
		if one["Description"] == takes[i].text("Description") {
			keeping = slices.Concat(kept, sold)
		}
		for _, field := range keeping {
			if raw, ok := takes[i][field]; ok && mapping.Text(raw) != "" {
				one[field] = takes[i][field]
			}
		}
		settled = append(settled, one)
	}
	return settled
}

// matching finds for each line the one that it replaces; nil where it is new.
func matching(lines []any, now []item) []item {
	takes, taken := make([]item, len(lines)), make([]bool, len(now))
	for i, line := range lines {
		for j, is := range now {
			if !taken[j] && line.(fields)["Description"] == is.text("Description") {
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
